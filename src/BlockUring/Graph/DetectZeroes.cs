namespace BlockUring.Graph;

/// <summary>Whether a node looks for zeroes in what is written.</summary>
public enum DetectZeroes
{
    /// <summary>No.</summary>
    Off,

    /// <summary>Zeroes are stored as such, and keep their space.</summary>
    On,

    /// <summary>Zeroes may give their space back.</summary>
    Unmap,
}
