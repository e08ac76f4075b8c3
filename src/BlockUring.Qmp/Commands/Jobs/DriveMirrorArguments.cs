namespace BlockUring.Qmp.Commands.Jobs;

/// <summary>Arguments of drive-mirror ("DriveMirror"): the target is a file.</summary>
internal sealed record DriveMirrorArguments : MirrorArguments
{
    public string? Format { get; init; }

    public string? NodeName { get; init; }

    public string? Mode { get; init; }

    public bool? Unmap { get; init; }
}
