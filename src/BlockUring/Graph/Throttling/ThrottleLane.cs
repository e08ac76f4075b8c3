namespace BlockUring.Graph.Throttling;

/// <summary>What a group knows of one direction: whose turn it was, and whether a timer runs for the next request.</summary>
/// <param name="isWrite">Which direction.</param>
internal sealed class ThrottleLane(bool isWrite)
{
    public bool IsWrite { get; } = isWrite;

    /// <summary>Whose request went last after waiting; the next one's turn comes after it.</summary>
    public ThrottleMember? LastServed { get; set; }

    /// <summary>Whether a request of this direction is waiting for its time.</summary>
    public bool IsTimed { get; set; }

    /// <summary>Whether requests are being let go, so that whoever comes now lines up.</summary>
    public bool IsServing { get; set; }

    /// <summary>Changes when a timer in flight is of no use any more.</summary>
    public int TimerGeneration { get; set; }
}
