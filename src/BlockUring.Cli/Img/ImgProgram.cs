using BlockUring.Images;
using BlockUring.Storage;

namespace BlockUring.Cli.Img;

/// <summary>`blockuring img`, and the whole program when it is started as qemu-img.</summary>
internal static class ImgProgram
{
    // One entry a subcommand; only the one that is called is made.
    private static readonly (string Name, Func<ImgCommand> Make)[] Commands =
    [
        ("amend", () => new AmendCommand()),
        ("bench", () => new BenchCommand()),
        ("bitmap", () => new BitmapCommand()),
        ("check", () => new CheckCommand()),
        ("commit", () => new CommitCommand()),
        ("compare", () => new CompareCommand()),
        ("convert", () => new ConvertCommand()),
        ("create", () => new CreateCommand()),
        ("dd", () => new DdCommand()),
        ("info", () => new InfoCommand()),
        ("map", () => new MapCommand()),
        ("measure", () => new MeasureCommand()),
        ("rebase", () => new RebaseCommand()),
        ("resize", () => new ResizeCommand()),
        ("snapshot", () => new SnapshotCommand()),
    ];

    private static readonly GlobalOption[] GlobalOptions =
    [
        new('h', "help", false),
        new('V', "version", false),
        new('T', "trace", true),
        new('\0', "ring-info", false),
        new('\0', "confine", true),
    ];

    /// <summary>Runs a command line.</summary>
    /// <returns>The exit code.</returns>
    public static int Run(ImgContext context, string[] arguments)
    {
        try
        {
            return Dispatch(context, arguments);
        }
        catch (CommandFailure e)
        {
            Print(context, e);
            return e.ExitCode;
        }
        catch (BlockException e)
        {
            context.Report(e.Message);
            return 1;
        }
    }

    private static int Dispatch(ImgContext context, string[] arguments)
    {
        if (arguments.Length == 0)
            throw CommandFailure.Usage("Not enough arguments");
        var scanner = new OptionScanner([context.ProgramName, .. arguments], GlobalOptions, permutes: false);
        var directories = new List<string>();
        while (true)
        {
            switch (scanner.Next())
            {
                case OptionScanner.Kind.Unknown:
                    throw CommandFailure.Usage($"unrecognized option '{scanner.WordBefore}'");
                case OptionScanner.Kind.MissingValue:
                    throw CommandFailure.Usage($"missing argument for option '{scanner.WordBefore}'");
                case OptionScanner.Kind.End:
                    return scanner.Operands.Count == 0 ? 0 : Find(scanner.Operands[0]).Run(Confine(context, directories), scanner.Operands);
            }

            switch (GlobalOptions[scanner.Option].Names)
            {
                case "help":
                    return PrintHelp(context);
                case "confine":
                    directories.Add(scanner.Value);
                    break;
                case "version":
                    context.Out.Write(VersionLine(context) + "\n");
                    return 0;
                case "ring-info":
                    context.Out.Write(Session.DescribeRing() + "\n");
                    return 0;
            }
        }
    }

    private static ImgContext Confine(ImgContext context, List<string> directories) =>
        directories.Count == 0 ? context : context with { Gate = OpenGate.Within(directories) };

    private static ImgCommand Find(string name)
    {
        foreach (var command in Commands)
        {
            if (command.Name == name)
                return command.Make();
        }

        throw CommandFailure.Usage($"Command not found: {name}");
    }

    private static string VersionLine(ImgContext context) => context.ProgramName == Launcher.ProgramName
        ? $"{Launcher.ProgramName} version {ProductVersion.Own}"
        : $"{context.ProgramName} version {ProductVersion.Compatible} ({Launcher.ProgramName} {ProductVersion.Own})";

    private static int PrintHelp(ImgContext context)
    {
        var text = context.Out;
        text.Write($"{VersionLine(context)}\n");
        text.Write($"usage: {context.HelpCommand} [standard options] command [command options]\n");
        text.Write("Disk image tool over Linux io_uring\n\n");
        text.Write("    '-h', '--help'       display this help and exit\n");
        text.Write("    '-V', '--version'    output version information and exit\n");
        text.Write("    '-T', '--trace'      accepted for compatibility and ignored\n");
        text.Write("    '--ring-info'        show what of io_uring is used on this host and exit\n");
        text.Write("    '--confine DIR'      open backing and data files that images name only in DIR or below; may be repeated\n\n");
        text.Write("Commands:\n");
        foreach (var (name, make) in Commands)
            text.Write($"  {name,-10} {make().Summary}\n");
        text.Write($"\nUse '{context.HelpCommand} COMMAND --help' for the options of a command.\n");
        text.Write($"\nSupported formats: {string.Join(' ', ImageFormats.All.Select(f => f.Name).Order(StringComparer.Ordinal))}\n");
        return 0;
    }

    private static void Print(ImgContext context, CommandFailure e)
    {
        if (e.Message.Length > 0)
        {
            foreach (var message in e.Message.Split('\n'))
                context.Report(message);
        }

        if (e.Hint.Length > 0)
            context.Output.Error.Write(e.Hint);
        if (e.PointsToHelp)
            context.Output.Error.Write($"Try '{context.HelpCommand} --help' for more information\n");
    }

    private sealed record GlobalOption(char Short, string Names, bool TakesValue) : IOptionShape;
}
