using BlockUring.Cli.Img;
using BlockUring.Cli.Output;

namespace BlockUring.Cli;

/// <summary>
/// Chooses the program by the name it was started under and by its first word. The compatible tools read their command line by getopt's
/// rules and are reached without the general command tree, which keeps their start short.
/// </summary>
internal static class Launcher
{
    /// <summary>The name of the executable and of everything that is not started under a compatible tool's name.</summary>
    public const string ProgramName = "blockuring";

    private const string QemuImg = "qemu-img";

    /// <summary>Runs the program on the process's standard streams.</summary>
    /// <param name="startedAs">argv[0]: the path or name that the caller used, symbolic links not resolved.</param>
    /// <param name="arguments">The words after it.</param>
    /// <returns>The exit code.</returns>
    public static int Run(string startedAs, string[] arguments)
    {
        using var output = CommandOutput.OfProcess();
        return Run(startedAs, arguments, output);
    }

    /// <summary>Runs the program on given streams; for tests too.</summary>
    public static int Run(string startedAs, string[] arguments, CommandOutput output)
    {
        if (Path.GetFileName(startedAs) == QemuImg)
            return ImgProgram.Run(new ImgContext(output, QemuImg, QemuImg), arguments);
        if (arguments is ["img", .. var rest])
            return ImgProgram.Run(new ImgContext(output, ProgramName, $"{ProgramName} img"), rest);
        return RootProgram.Run(arguments, output);
    }
}
