namespace BlockUring.Qmp.Commands.Jobs;

/// <summary>Arguments of blockdev-mirror.</summary>
internal sealed record BlockdevMirrorArguments : MirrorArguments
{
    public string? FilterNodeName { get; init; }

    public bool? TargetIsZero { get; init; }
}
