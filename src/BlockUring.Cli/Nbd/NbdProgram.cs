using BlockUring.Cli.Daemon;
using BlockUring.Cli.Img;

namespace BlockUring.Cli.Nbd;

/// <summary>`blockuring nbd`, and the whole program when it is started as qemu-nbd: its server's side.</summary>
internal static class NbdProgram
{
    private const string KernelRefused = "The kernel's NBD devices are not supported in this version";

    private const int OptionColumn = 29;

    private static readonly ImgOption<NbdSettings>[] Options =
    [
        new('h', "help", null, "display this help and exit", (_, _) => { }),
        new('V', "version", null, "output version information and exit", (_, _) => { }),
        new('p', "port", "PORT", "port to listen on (default 10809)", (s, v) => s.SetPort(v)),
        new('b', "bind", "IFACE", "interface to bind to (default 0.0.0.0)", (s, v) => s.Host = v),
        new('k', "socket", "PATH", "path to the unix socket", (s, v) => s.SetSocket(v)),
        new('e', "shared", "NUM", "clients at a time (default 1; 0 for no limit)", (s, v) => s.SetShared(v)),
        new('t', "persistent", null, "don't exit on the last connection", (s, _) => s.IsPersistent = true),
        new('v', "verbose", null, "accepted for compatibility and ignored", (s, _) => s.IsVerbose = true),
        new('x', "export-name", "NAME", "expose export by name (default is empty string)", (s, v) => s.ExportName = v),
        new('D', "description", "TEXT", "export a human-readable description", (s, v) => s.Description = v),
        new('o', "offset", "OFFSET", "offset into the image", (s, v) => s.SetOffset(v)),
        new('A', "allocation-depth", null, "expose the allocation depth", (s, _) => s.HasAllocationDepth = true),
        new('B', "bitmap", "NAME", "expose a persistent dirty bitmap", (s, v) => s.Bitmaps.Add(v)),
        new('L', "list", null, "list exports available from another NBD server", (s, _) => s.Lists = true),
        new('\0', "object", "OBJECTDEF", "define an object, such as a secret", (s, v) => s.Objects.Add(v)),
        new('\0', "tls-creds", "ID", "object that provides TLS", (s, v) => s.TlsCredentials = v),
        new('\0', "tls-authz", "ID", "object that provides authorization", (s, v) => s.TlsAuthorization = v),
        new('T', "trace", "OPTIONS", "accepted for compatibility and ignored", (_, _) => { }),
        new('\0', "fork", null, "go to the background once the server is running", (s, _) => s.Forks = true),
        new('\0', "pid-file", "PATH", "store the server's process ID in a file", (s, v) => s.PidPath = v),
        new('c', "connect", "DEV", "not in this version", (_, _) => throw new CommandFailure(KernelRefused)),
        new('d', "disconnect", null, "not in this version", (_, _) => throw new CommandFailure(KernelRefused)),
        new('f', "format", "FORMAT", "set image format (raw, qcow2, ...)", (s, v) => s.Format = v),
        new('r', "read-only", null, "export read-only", (s, _) => s.IsReadOnly = true),
        new('s', "snapshot", null, "not in this version", (_, _) => throw new CommandFailure("Temporary snapshots are not supported in this version")),
        new('l', "load-snapshot", "SNAPSHOT", "export an internal snapshot, read-only", (s, v) => s.SetSnapshot(v)),
        new('n', "nocache", null, "disable host cache", (s, _) => s.SetCache("none")),
        new('\0', "cache", "MODE", "none, writeback (default), writethrough, directsync or unsafe", (s, v) => s.SetCache(v)),
        new('\0', "aio", "MODE", "native, io_uring or threads; the ring is always used", (_, v) => NbdSettings.DemandAio(v)),
        new('\0', "discard", "MODE", "ignore (default) or unmap", (s, v) => s.SetDiscard(v)),
        new('\0', "detect-zeroes", "MODE", "off (default), on or unmap", (s, v) => s.SetDetectZeroes(v)),
        new('\0', "image-opts", null, "treat FILE as a full set of image options", (s, _) => s.HasImageOptions = true),
    ];

    /// <summary>Serves one image until it is told to end, or its last client has gone.</summary>
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
            foreach (var line in e.Message.Split('\n'))
                context.Report(line);
            if (e.PointsToHelp)
                context.Output.Error.Write(HelpPointer(context));
            return e.ExitCode;
        }
    }

    private static int Dispatch(DaemonContext context, string[] arguments)
    {
        var settings = new NbdSettings();
        var scanner = new OptionScanner(["", .. arguments], Options);
        while (scanner.Next() is var found && found != OptionScanner.Kind.End)
        {
            if (found != OptionScanner.Kind.Option)
                throw Unknown(context, scanner, found);
            var option = Options[scanner.Option];
            if (option.Short is 'h' or 'V')
                return Print(context, option.Short == 'h');
            option.Apply(settings, scanner.Value);
        }

        settings.Check();
        var image = DemandImage(settings, scanner.Operands);
        if (settings.Forks && !Background.IsChild)
            return Background.Start(context, "nbd", arguments);
        if (settings.Forks)
            Background.BeginSession();
        return NbdRun.Run(context, settings, image);
    }

    private static string DemandImage(NbdSettings settings, IReadOnlyList<string> operands)
    {
        if (settings.Lists && operands.Count > 0)
            throw new CommandFailure("List mode is incompatible with a file name");
        if (settings.Lists)
            throw new CommandFailure("List mode is not supported in this version");
        return operands.Count == 1 ? operands[0] : throw CommandFailure.Usage("Invalid number of arguments");
    }

    private static CommandFailure Unknown(DaemonContext context, OptionScanner scanner, OptionScanner.Kind found)
    {
        var isLong = scanner.Unrecognized.StartsWith("--", StringComparison.Ordinal);
        var name = scanner.Option >= 0 ? Options[scanner.Option] : null;
        var what = found switch
        {
            OptionScanner.Kind.MissingValue when scanner.WordBefore.StartsWith("--", StringComparison.Ordinal) =>
                $"option '--{name!.LongName}' requires an argument",
            OptionScanner.Kind.MissingValue => $"option requires an argument -- '{name!.Short}'",
            _ when !isLong => $"invalid option -- '{scanner.Unrecognized}'",
            _ when name != null => $"option '--{name.LongName}' doesn't allow an argument",
            _ => $"unrecognized option '{scanner.WordBefore}'",
        };
        return new($"{what}\n{HelpPointer(context).TrimEnd('\n')}");
    }

    private static string HelpPointer(DaemonContext context) => $"Try `{context.HelpCommand} --help' for more information.\n";

    private static int Print(DaemonContext context, bool isHelp)
    {
        var text = context.Output.Out;
        if (!isHelp)
        {
            text.Write(context.ProgramName == Launcher.ProgramName
                ? $"{Launcher.ProgramName} version {ProductVersion.Own}\n"
                : $"{context.ProgramName} {ProductVersion.Compatible} ({Launcher.ProgramName} {ProductVersion.Own})\n");
            return 0;
        }

        text.Write($"Usage: {context.HelpCommand} [OPTIONS] FILE\nDisk Network Block Device server over Linux io_uring\n\n");
        foreach (var option in Options)
        {
            var name = $"  {option.Spelling}";
            text.Write((name.Length < OptionColumn - 1 ? name.PadRight(OptionColumn) : $"{name}\n{new string(' ', OptionColumn)}") + option.Help + "\n");
        }

        return 0;
    }
}
