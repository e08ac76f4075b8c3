using BlockUring.Cli.Img;

namespace BlockUring.Cli.Daemon;

/// <summary>`blockuring daemon`, and the whole program when it is started as qemu-storage-daemon.</summary>
internal static class DaemonProgram
{
    private const int OptionColumn = 25;

    /// <summary>Runs a daemon until it is told to end.</summary>
    /// <param name="context">What it runs in.</param>
    /// <param name="arguments">The words after the program's name.</param>
    /// <returns>The exit code.</returns>
    public static int Run(DaemonContext context, string[] arguments)
    {
        try
        {
            return Dispatch(context, arguments);
        }
        catch (CommandFailure e)
        {
            context.Report(e.Message);
            return e.ExitCode;
        }
    }

    // Why two passes: help comes before anything is done, and what the daemon is must be known before options make things.
    private static int Dispatch(DaemonContext context, string[] arguments)
    {
        List<DaemonWord> words = [];
        var (isBackground, pidPath) = (false, (string?)null);
        foreach (var word in DaemonCommandLine.Split(arguments))
        {
            switch (word.Name)
            {
                case "help":
                    return PrintHelp(context);
                case "version":
                    context.Output.Out.Write(VersionLine(context) + "\n");
                    return 0;
                case "daemonize":
                    isBackground = true;
                    break;
                case "pidfile":
                    pidPath = word.Value;
                    break;
                default:
                    words.Add(word);
                    break;
            }
        }

        if (isBackground && !Background.IsChild)
            return Background.Start(context, "daemon", arguments);
        if (isBackground)
            Background.BeginSession();
        return DaemonRun.Run(context, words, pidPath, isBackground);
    }

    private static string VersionLine(DaemonContext context) => context.ProgramName == Launcher.ProgramName
        ? $"{Launcher.ProgramName} version {ProductVersion.Own}"
        : $"{context.ProgramName} version {ProductVersion.Compatible} ({Launcher.ProgramName} {ProductVersion.Own})";

    private static int PrintHelp(DaemonContext context)
    {
        var text = context.Output.Out;
        text.Write($"Usage: {context.HelpCommand} [options]\nStorage daemon over Linux io_uring\n\n");
        foreach (var option in DaemonOption.All)
        {
            var name = $"  {(option.Short == '\0' ? "" : $"-{option.Short}, ")}--{option.Names} {option.ValueHelp}".TrimEnd();
            text.Write(name.Length < OptionColumn - 1 ? name.PadRight(OptionColumn) : $"{name}\n{new string(' ', OptionColumn)}");
            text.Write(option.Help + "\n");
        }

        text.Write("\nOptions are taken in their order: what one refers to must come before it.\n");
        return 0;
    }
}
