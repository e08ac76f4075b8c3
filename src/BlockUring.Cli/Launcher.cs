using BlockUring.Cli.Daemon;
using BlockUring.Cli.Img;
using BlockUring.Cli.Nbd;
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
    private const string QemuStorageDaemon = "qemu-storage-daemon";
    private const string QemuNbd = "qemu-nbd";

    /// <summary>Runs the program on the process's standard streams.</summary>
    /// <param name="arguments">The words after the program's name.</param>
    /// <returns>The exit code.</returns>
    public static int Run(string[] arguments)
    {
        using var output = CommandOutput.OfProcess();
        return Run(StartedAs(), arguments, output);
    }

    /// <summary>Runs the program on given streams; for tests too.</summary>
    /// <param name="startedAs">argv[0]: the path or name that the caller used, symbolic links not resolved.</param>
    /// <param name="arguments">The words after it.</param>
    /// <param name="output">The streams.</param>
    /// <returns>The exit code.</returns>
    public static int Run(string startedAs, string[] arguments, CommandOutput output)
    {
        if (Path.GetFileName(startedAs) == QemuImg)
            return ImgProgram.Run(new ImgContext(output, QemuImg, QemuImg), arguments);
        if (arguments is ["img", .. var rest])
            return ImgProgram.Run(new ImgContext(output, ProgramName, $"{ProgramName} img"), rest);
        if (Path.GetFileName(startedAs) == QemuStorageDaemon)
            return DaemonProgram.Run(new DaemonContext(output, QemuStorageDaemon, QemuStorageDaemon), arguments);
        if (arguments is ["daemon", .. var options])
            return RunDaemon(options, output);
        if (Path.GetFileName(startedAs) == QemuNbd)
            return NbdProgram.Run(new DaemonContext(output, QemuNbd, QemuNbd), arguments);
        if (arguments is ["nbd", .. var words])
            return RunNbd(words, output);
        return RootProgram.Run(arguments, output);
    }

    private static int RunDaemon(string[] arguments, CommandOutput output)
    {
        var name = Background.ProgramName ?? ProgramName;
        return DaemonProgram.Run(new DaemonContext(output, name, name == ProgramName ? $"{ProgramName} daemon" : name), arguments);
    }

    private static int RunNbd(string[] arguments, CommandOutput output)
    {
        var name = Background.ProgramName ?? ProgramName;
        return NbdProgram.Run(new DaemonContext(output, name, name == ProgramName ? $"{ProgramName} nbd" : name), arguments);
    }

    private static string StartedAs()
    {
        var name = Environment.GetCommandLineArgs()[0];
        // Why: under the run-time's host that is the assembly's path; the kernel still knows the name that was used.
        return name.EndsWith(".dll", StringComparison.Ordinal) ? File.ReadAllText("/proc/self/cmdline").Split('\0')[0] : name;
    }
}
