using System.Runtime.CompilerServices;
using BlockUring.Images;
using BlockUring.Nbd.Wire;
using BlockUring.Storage;

namespace BlockUring.Nbd.Server;

/// <summary>Answers block status for the contexts that one connection has chosen.</summary>
/// <param name="export">Of which.</param>
/// <param name="contexts">In the order of the reply.</param>
internal sealed class StatusCollector(NbdExport export, IReadOnlyList<MetaContext> contexts)
{
    /// <summary>The most extents of a context in one reply: it fits in the sender's buffer. Clients ask again behind the last one.</summary>
    public const int MaxExtents = 4096;

    // Why: a client that wants much of a fragmented disk must not keep everybody waiting.
    private const int MaxSteps = 16384;

    /// <summary>What is chosen.</summary>
    public IReadOnlyList<MetaContext> Contexts => contexts;

    /// <summary>Finds the extents of a request, in all contexts; behind the gate, and inside the export.</summary>
    public async ValueTask CollectAsync(ServerRequest request)
    {
        var maxExtents = (request.Header.Flags & NbdCommandFlags.RequestOne) != 0 ? 1 : MaxExtents;
        var (offset, length) = ((long)request.Header.Offset, (long)request.Header.Length);
        var found = new List<NbdExtent>[contexts.Count];
        for (var i = 0; i < found.Length; i++)
        {
            found[i] = [];
            if (contexts[i].Bitmap != null)
                CollectBitmap(contexts[i], found[i], offset, length, maxExtents);
            else
                await CollectAllocationAsync(contexts[i].IsDepth, found[i], offset, length, maxExtents);
        }

        request.Extents = found;
    }

    [AsyncMethodBuilder(typeof(PooledTaskBuilder))]
    private async ValueTask CollectAllocationAsync(bool isDepth, List<NbdExtent> extents, long offset, long length, int maxExtents)
    {
        var stop = offset + length;
        for (var steps = 0; offset < stop && steps < MaxSteps; steps++)
        {
            var status = await export.Node.GetStatusAsync(offset + export.Offset, stop - offset);
            var flags = isDepth ? DepthOf(status) : AllocationOf(status);
            var part = Math.Min(status.Length, stop - offset);
            if (!TryAdd(extents, part, flags, maxExtents))
                return;
            offset += part;
        }
    }

    private void CollectBitmap(MetaContext context, List<NbdExtent> extents, long offset, long length, int maxExtents)
    {
        var bitmap = context.Bitmap!;
        var start = offset + export.Offset;
        var stop = start + length;
        var covered = Math.Min(stop, bitmap.Length);
        while (start < covered)
        {
            var dirty = bitmap.NextDirty(start, covered);
            var cleanStop = dirty < 0 ? covered : dirty;
            if (cleanStop > start && !TryAdd(extents, cleanStop - start, 0, maxExtents))
                return;
            if (dirty < 0)
                break;
            var clean = bitmap.NextClean(dirty, covered);
            start = clean < 0 ? covered : clean;
            if (!TryAdd(extents, start - dirty, NbdContexts.Dirty, maxExtents))
                return;
        }

        if (stop > covered)
            TryAdd(extents, stop - Math.Max(covered, offset + export.Offset), 0, maxExtents);
    }

    private static bool TryAdd(List<NbdExtent> extents, long length, uint flags, int maxExtents)
    {
        if (extents.Count > 0 && extents[^1].Flags == flags)
        {
            extents[^1] = extents[^1] with { Length = extents[^1].Length + (ulong)length };
            return true;
        }

        if (extents.Count == maxExtents)
            return false;
        extents.Add(new((ulong)length, flags));
        return true;
    }

    private static uint AllocationOf(BlockStatus status) =>
        (status.IsData ? 0 : NbdContexts.Hole) | (status.IsZero ? NbdContexts.Zero : 0);

    private static uint DepthOf(BlockStatus status) => status.IsAllocated ? (uint)status.Depth + 1 : 0;
}
