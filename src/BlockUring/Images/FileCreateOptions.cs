namespace BlockUring.Images;

/// <summary>The creation options of the host file below every format. They come after a format's own; a format's option of the same name wins.</summary>
public static class FileCreateOptions
{
    /// <summary>The options, in the order in which `create` prints them.</summary>
    public static IReadOnlyList<CreateOption> All { get; } =
    [
        new("size", CreateOptionKind.Size, "Virtual disk size"),
        new("nocow", CreateOptionKind.Bool, "Turn off copy-on-write (valid only on btrfs)"),
        new("preallocation", CreateOptionKind.Text, "Preallocation mode (allowed values: off, falloc, full)"),
        new("extent_size_hint", CreateOptionKind.Size, "Extent size hint for the image file, 0 to disable"),
    ];
}
