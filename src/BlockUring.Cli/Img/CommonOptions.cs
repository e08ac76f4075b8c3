namespace BlockUring.Cli.Img;

/// <summary>The options that several subcommands share.</summary>
/// <typeparam name="T">The subcommand's settings.</typeparam>
internal static class CommonOptions<T>
    where T : CommonSettings
{
    public static ImgOption<T> Help { get; } = new('h', "help", null, "print this help", (s, _) => s.ShowsHelp = true);

    public static ImgOption<T> Format { get; } = new('f', "format", "FMT", "format of the image (probed by default)", (s, v) => s.Format = v);

    public static ImgOption<T> ImageOptions { get; } =
        new('\0', "image-opts", null, "image names are options (driver=qcow2,file.filename=...)", (s, _) => s.ImageOptions = true);

    public static ImgOption<T> ForceShare { get; } =
        new('U', "force-share", null, "open the image although another process writes to it", (s, _) => s.ForceShare = true);

    public static ImgOption<T> Quiet { get; } = new('q', "quiet", null, "print nothing but errors", (s, _) => s.Quiet = true);

    public static ImgOption<T> Progress { get; } = new('p', "progress", null, "show progress", (s, _) => s.ShowsProgress = true);

    public static ImgOption<T> Output { get; } =
        new('\0', "output", "human|json", "format of the output (default: human)", (s, v) => s.OutputFormat = v);

    public static ImgOption<T> Object { get; } =
        new('\0', "object", "OBJDEF", "define an object such as a secret", (s, v) => s.Context.AddObject(v));
}
