using BlockUring.Storage;

namespace BlockUring.Graph.Throttling;

/// <summary>One who shares the limits of a <see cref="ThrottleGroup"/>: its requests wait here, reads apart from writes.</summary>
public sealed class ThrottleMember
{
    private readonly Queue<(Arrival Admitted, long Length)>[] waiting = [new(), new()];

    internal ThrottleMember(ThrottleGroup group) => Group = group;

    /// <summary>Whose limits hold.</summary>
    public ThrottleGroup Group { get; }

    /// <summary>How many have asked for requests to go at once (drained sections).</summary>
    internal int HurryCount { get; set; }

    internal bool Waits(bool isWrite) => waiting[isWrite ? 1 : 0].Count > 0;

    internal Arrival Enqueue(bool isWrite, long length)
    {
        var admitted = new Arrival();
        waiting[isWrite ? 1 : 0].Enqueue((admitted, length));
        return admitted;
    }

    internal (Arrival Admitted, long Length) Dequeue(bool isWrite) => waiting[isWrite ? 1 : 0].Dequeue();
}
