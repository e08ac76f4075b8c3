namespace BlockUring.Graph.Debugging;

/// <summary>What a blkdebug node does when an event happens: fail requests from then on, or go to another state.</summary>
/// <param name="Event">When.</param>
/// <param name="State">In which state; 0 for any.</param>
internal sealed record DebugRule(string Event, long State)
{
    /// <summary>The state to go to; null for a rule that fails requests.</summary>
    public long? NewState { get; init; }

    /// <summary>Which kinds of requests fail.</summary>
    public DebugIoType IoTypes { get; init; } = DebugIoType.Usual;

    /// <summary>The error number; 0 lets pass what no other rule is asked about then.</summary>
    public int ErrorNumber { get; init; }

    /// <summary>Only requests that contain this byte fail; -1 for all.</summary>
    public long Offset { get; init; } = -1;

    /// <summary>Whether the rule is over after one failure.</summary>
    public bool Once { get; init; }

    /// <summary>Whether the failure comes before the request is even under way.</summary>
    public bool Immediately { get; init; }

    public bool Hits(DebugIoType type, long offset, long length) =>
        (IoTypes & type) != 0 && (Offset == -1 || (length > 0 && Offset >= offset && Offset < offset + length));
}
