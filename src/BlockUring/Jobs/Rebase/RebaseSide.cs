using System.Runtime.CompilerServices;
using BlockUring.Images;
using BlockUring.Storage;

namespace BlockUring.Jobs.Rebase;

/// <summary>One of the two chains of a rebase, down to the layer that both have.</summary>
/// <param name="Disk">What it shows; null for zeroes.</param>
/// <param name="Common">The layer that the other chain has, too; null for none.</param>
internal sealed record RebaseSide(GuestDisk? Disk, GuestDisk? Common)
{
    /// <summary>What a run shows.</summary>
    public enum Kind
    {
        /// <summary>Zeroes for certain.</summary>
        Zero,

        /// <summary>Something that a layer of this chain alone holds.</summary>
        Own,

        /// <summary>What the layer shows that both chains have.</summary>
        Common,
    }

    /// <summary>The run at an offset.</summary>
    /// <param name="offset">0 or more; behind the end of the disk there are zeroes.</param>
    /// <param name="maxLength">1 or more.</param>
    [AsyncMethodBuilder(typeof(PooledTaskBuilder<>))]
    public async ValueTask<(Kind Kind, long Length)> AskAsync(long offset, long maxLength)
    {
        if (Disk == null || offset >= Disk.Length)
            return (Kind.Zero, maxLength);
        maxLength = Math.Min(maxLength, Disk.Length - offset);
        if (Disk == Common)
            return (Kind.Common, maxLength);
        var status = await Disk.GetStatusAsync(offset, maxLength, Common);
        var length = Math.Min(maxLength, status.Length);
        if (status.IsZero)
            return (Kind.Zero, length);
        return (status.IsAllocated || Common == null ? Kind.Own : Kind.Common, length);
    }

    /// <summary>Reads a part of what it shows.</summary>
    public ValueTask ReadAsync(long offset, Native.Memory.IoMemory destination)
    {
        if (Disk != null)
            return Disk.ReadAsync(offset, destination);
        destination.Span.Clear();
        return ValueTask.CompletedTask;
    }
}
