using BlockUring.Bitmaps;
using BlockUring.Graph;
using BlockUring.Images;
using BlockUring.Jobs.Commit;
using BlockUring.Storage;

namespace BlockUring.Simulation.Jobs.SafeCommit;

/// <summary>Commits by the simplest of committers, which the guard has to keep from doing harm.</summary>
internal sealed class GuardWorld(int seed, TreeTrouble trouble) : TreeWorld(seed, trouble)
{
    private readonly DiskUser committer = new("the committer");
    private readonly List<DiskUser> quiet = [];
    private DirtyBitmap? dirty;

    protected override async Task<byte[]?> CommitAsync(OverlayProtection protection)
    {
        OverlayHold? hold = null;
        byte[]? committed = null;
        try
        {
            hold = await BeginAsync(protection);
            committed = await CopyAllAsync(hold.Guard);
        }
        catch (BlockException e) when (MayFail || e.Kind == BlockErrorKind.Unsupported)
        {
            // A version 2 image over a longer one cannot grow.
        }

        foreach (var guest in quiet)
            guest.Resume();
        if (Random.Next(3) > 0)
            EndFaults();

        using var change = await Graph.BeginChangeAsync();
        DetachFromTarget();
        if (hold != null)
            await hold.GiveBackAsync();
        foreach (var link in committer.Links.ToArray())
            Graph.Detach(link);
        dirty?.Owner!.Remove(dirty);
        return committed;
    }

    private async Task<OverlayHold> BeginAsync(OverlayProtection protection)
    {
        using var change = await Graph.BeginChangeAsync();
        await GraphReopener.SetReadOnlyAsync(Graph, Below.Node!, readOnly: false);
        Graph.Attach(committer, Top.Node!, "source", ImagePermissions.None, NodeLink.AllPermissions);
        var hold = await OverlayHold.TakeAsync(Graph, Below.Node!, Top.Node!, protection, committer.Description, "it is being kept");
        try
        {
            hold.UseBy(committer);
            Graph.Attach(
                committer,
                Below.Node!,
                "target",
                ImagePermissions.ConsistentRead | ImagePermissions.Write | ImagePermissions.Resize,
                ImagePermissions.ConsistentRead | ImagePermissions.WriteUnchanged);
            using var section = await Graph.DrainAsync(Below.Node!);
            if (IsActive)
                dirty = Top.Node!.Bitmaps.Create("dirty", Top.Content.Length, 512 << Random.Next(9));
            if (Below.Node!.Length < Top.Node!.Length)
                await Below.Node.ResizeAsync(Top.Node.Length, PreallocationMode.Off);
            return hold;
        }
        catch
        {
            DetachFromTarget();
            await hold.GiveBackAsync();
            throw;
        }
    }

    private void DetachFromTarget()
    {
        foreach (var link in committer.Links.ToArray().Where(l => l.Name == "target"))
            Graph.Detach(link);
    }

    private async Task<byte[]?> CopyAllAsync(OverlayGuard guard)
    {
        var pending = new DirtyBitmap(null, Top.Content.Length, 512);
        for (long offset = 0; offset < Top.Content.Length;)
        {
            var status = await Top.Node!.GetStatusAsync(offset, Top.Content.Length - offset, Below.Node);
            if (status.IsAllocated || status.IsZero)
                pending.Set(offset, status.Length);
            offset += status.Length;
        }

        if (Random.Next(2) == 0)
            await InTurnAsync(() => PrepareAsync(guard, pending));
        while (true)
        {
            if (Trouble == TreeTrouble.Cancel && Random.Next(4) == 0)
                return null;
            if (!await CopyOnceAsync(guard, pending))
                return null;
            if (!IsActive || Random.Next(12) == 0)
                return await FinishAsync(guard, pending);
        }
    }

    private async ValueTask PrepareAsync(OverlayGuard guard, DirtyBitmap pending)
    {
        for (long at = 0; pending.NextDirtyArea(at, pending.Length, 1 << 18, out var offset, out var length); at = offset + length)
            await guard.CopyAsync(offset, length);
        await guard.SettleAsync();
    }

    // Everything that is pending, several pieces at a time; what fails is tried again, or is the end.
    private async Task<bool> CopyOnceAsync(OverlayGuard guard, DirtyBitmap pending)
    {
        if (dirty != null)
        {
            pending.Merge(dirty);
            dirty.Clear();
        }

        var running = new List<Task<bool>>();
        var givesUp = false;
        for (long at = 0; pending.NextDirtyArea(at, pending.Length, 512L << Random.Next(11), out var offset, out var length); at = offset + length)
        {
            pending.Reset(offset, length);
            running.Add(CopyPieceAsync(guard, pending, offset, (int)length));
            if (running.Count >= 6)
                await Task.WhenAny(running);
            givesUp = Trouble == TreeTrouble.Cancel && Random.Next(60) == 0;
            if (givesUp)
                break;
        }

        var isWell = true;
        foreach (var one in running)
            isWell &= await one;
        return (isWell || Random.Next(3) > 0) && !givesUp;
    }

    private async Task<bool> CopyPieceAsync(OverlayGuard guard, DirtyBitmap pending, long offset, int length)
    {
        try
        {
            await InTurnAsync(async () =>
            {
                using var buffer = Buffers.Rent(length);
                await guard.ProtectAsync(offset, length);
                await Top.Node!.ReadAsync(offset, buffer.Memory.Slice(0, length));
                if (buffer.Span[..length].ContainsAnyExcept((byte)0))
                    await Below.Node!.WriteAsync(offset, buffer.Memory.Slice(0, length));
                else
                    await Below.Node!.WriteZeroesAsync(offset, length, WriteFlags.MayUnmap);
            });
            return true;
        }
        catch (BlockException) when (MayFail)
        {
            pending.Set(offset, length);
            return false;
        }
    }

    // At last everybody is quiet, and nothing is left.
    private async Task<byte[]?> FinishAsync(OverlayGuard guard, DirtyBitmap pending)
    {
        IsOver = true;
        foreach (var user in UsersOfTop)
        {
            quiet.Add(user);
            await user.QuiesceAsync();
        }

        for (var tries = 0; ; tries++)
        {
            if (tries == 20)
                EndFaults();
            await CopyOnceAsync(guard, pending);
            if (pending.IsAllClean && dirty is null or { IsAllClean: true })
                break;
            if (Trouble == TreeTrouble.Cancel)
                return null;
        }

        await InTurnAsync(() => Below.Node!.FlushAsync());
        return await ReadTopAsync();
    }

    private ValueTask InTurnAsync(Func<ValueTask> work) => committer.RunAsync(_ => work());
}
