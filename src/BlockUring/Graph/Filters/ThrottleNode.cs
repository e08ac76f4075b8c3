using System.Runtime.CompilerServices;
using BlockUring.Graph.Throttling;
using BlockUring.Images;
using BlockUring.Native.Memory;
using BlockUring.Storage;

namespace BlockUring.Graph.Filters;

/// <summary>Lets requests through as the limits of a group allow. A drained section does not wait for limits.</summary>
internal sealed class ThrottleNode : FilterNode
{
    private ThrottleMember member;

    public ThrottleNode(string name, NodeSettings settings, ThrottleGroup group)
        : base(name, "throttle", settings) => member = group.Join();

    /// <summary>Whose limits hold.</summary>
    public ThrottleGroup Group => member.Group;

    internal override IReadOnlyCollection<string> ChangeableOptions { get; } = ["throttle-group"];

    public override ValueTask ReadAsync(long offset, IoMemory destination)
    {
        var admission = Group.AdmitAsync(member, destination.Length, false);
        return admission.IsCompletedSuccessfully ? Filtered.ReadAsync(offset, destination) : ReadLaterAsync(admission, offset, destination);
    }

    internal override void BeginDrain() => Group.Hurry(member);

    internal override void EndDrain() => Group.EndHurry(member);

    internal override Action? PlanReopen(BlockGraph graph, OptionTree options)
    {
        if (options.Get("throttle-group") is not { } name || name == Group.Name)
            return null;
        var group = ThrottleDriver.FindGroup(graph, name);
        return () => MoveTo(group);
    }

    internal override ValueTask CloseAsync()
    {
        Group.Leave(member);
        return ValueTask.CompletedTask;
    }

    protected override ValueTask WriteCoreAsync(long offset, IoMemory source, WriteFlags flags)
    {
        var admission = Group.AdmitAsync(member, source.Length, true);
        return admission.IsCompletedSuccessfully ? Filtered.WriteAsync(offset, source, flags) : WriteLaterAsync(admission, offset, source, flags);
    }

    [AsyncMethodBuilder(typeof(PooledTaskBuilder))]
    protected override async ValueTask WriteZeroesCoreAsync(long offset, long length, WriteFlags flags)
    {
        await Group.AdmitAsync(member, length, true);
        await Filtered.WriteZeroesAsync(offset, length, flags);
    }

    [AsyncMethodBuilder(typeof(PooledTaskBuilder))]
    protected override async ValueTask DiscardCoreAsync(long offset, long length)
    {
        await Group.AdmitAsync(member, length, true);
        await Filtered.DiscardAsync(offset, length);
    }

    [AsyncMethodBuilder(typeof(PooledTaskBuilder))]
    protected override async ValueTask WriteCompressedCoreAsync(long offset, IoMemory compressed)
    {
        await Group.AdmitAsync(member, Math.Min(ClusterLength, Length - offset), true);
        await Filtered.WriteCompressedAsync(offset, compressed);
    }

    [AsyncMethodBuilder(typeof(PooledTaskBuilder))]
    private async ValueTask ReadLaterAsync(ValueTask admission, long offset, IoMemory destination)
    {
        await admission;
        await Filtered.ReadAsync(offset, destination);
    }

    [AsyncMethodBuilder(typeof(PooledTaskBuilder))]
    private async ValueTask WriteLaterAsync(ValueTask admission, long offset, IoMemory source, WriteFlags flags)
    {
        await admission;
        await Filtered.WriteAsync(offset, source, flags);
    }

    // No request is in flight: the node is drained, and the section will take its haste back from the new member.
    private void MoveTo(ThrottleGroup group)
    {
        var (old, haste) = (member, member.HurryCount);
        member = group.Join();
        for (var i = 0; i < haste; i++)
            group.Hurry(member);
        old.Group.Leave(old);
    }
}
