namespace BlockUring.Nbd.Wire;

/// <summary>Kinds of what a server tells of an export.</summary>
public enum NbdInfo : ushort
{
    /// <summary>Length (64 bits) and <see cref="NbdTransmissionFlags"/>.</summary>
    Export = 0,

    /// <summary>Its canonical name.</summary>
    Name = 1,

    /// <summary>A description for people.</summary>
    Description = 2,

    /// <summary>Minimum, preferred and maximum block size (32 bits each).</summary>
    BlockSize = 3,
}
