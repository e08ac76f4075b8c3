using System.CommandLine;
using System.CommandLine.Help;
using BlockUring.Cli.Demo;
using BlockUring.Cli.Jobs;
using BlockUring.Cli.Output;
using BlockUring.Cli.Shell;
using BlockUring.Images;

namespace BlockUring.Cli;

/// <summary>The command tree of `blockuring` itself: help, version, and the commands that are not copies of a QEMU tool.</summary>
internal static class RootProgram
{
    /// <summary>Runs everything that is not a compatible tool.</summary>
    public static int Run(string[] arguments, CommandOutput output)
    {
        var root = new RootCommand("Block jobs on virtual-machine disk images at the speed of the device.");
        root.Options.Clear();
        root.Options.Add(new HelpOption());
        var version = new Option<bool>("--version", "-V") { Description = "Show the version" };
        root.Options.Add(version);
        // Why: only named here, for the help; the launcher takes these away before, because their options follow getopt's rules.
        root.Subcommands.Add(new Command("img", "What qemu-img is: create, convert, compare and inspect disk images"));
        root.Subcommands.Add(new Command("daemon", "What qemu-storage-daemon is: block nodes and jobs, driven by QMP"));
        root.Subcommands.Add(new Command("nbd", "What qemu-nbd is: one image, exported to NBD clients"));
        root.Subcommands.Add(JobCommands.MakeBackup(output));
        root.Subcommands.Add(JobCommands.MakeStream(output));
        root.Subcommands.Add(JobCommands.MakeMirror(output));
        root.Subcommands.Add(JobCommands.MakeCommit(output));
        root.Subcommands.Add(JobCommands.MakeNull(output));
        root.Subcommands.Add(ShellCommands.MakeQmp(output));
        root.Subcommands.Add(ShellCommands.MakeTop(output));
        root.Subcommands.Add(MakeDemo(output));

        var result = root.Parse(arguments, new ParserConfiguration { EnablePosixBundling = true, ResponseFileTokenReplacer = null });
        if (result.GetValue(version))
        {
            output.Out.Write($"{Launcher.ProgramName} version {ProductVersion.Own}\n");
            return 0;
        }

        if (arguments.Length > 0 && result.Errors.Count > 0)
        {
            output.Report(Launcher.ProgramName, DescribeError(arguments, result.Errors[0].Message));
            output.Error.Write($"Try '{Launcher.ProgramName} --help' for more information\n");
            return 1;
        }

        var invocation = new InvocationConfiguration { Output = output.Out, Error = output.Error };
        if (arguments.Length > 0)
            return result.Invoke(invocation);
        root.Parse(["--help"]).Invoke(invocation);
        return 1;
    }

    private static Command MakeDemo(CommandOutput output)
    {
        var folder = new Option<string>("--dir") { Description = "Where the images go (removed at the end)", DefaultValueFactory = _ => Path.GetTempPath() };
        var size = new Option<string>("--size") { Description = "Size of the source image", DefaultValueFactory = _ => "256M" };
        var demo = new Command("demo", "Make an image with real files, convert it through all formats, run jobs on it over QMP, compare every result") { folder, size };
        demo.SetAction(result =>
        {
            if (SizeText.TryParse(result.GetValue(size), out var bytes) && bytes >= DemoCommand.MinImageBytes)
                return new DemoCommand(output, result.GetValue(folder)!, bytes).Run();
            output.Report(Launcher.ProgramName, $"--size must be {SizeFormat.Human(DemoCommand.MinImageBytes)} or more, with a suffix k, M or G");
            return 1;
        });
        return demo;
    }

    private static string DescribeError(string[] arguments, string message) =>
        arguments[0].StartsWith('-') ? message : $"Command not found: {arguments[0]}";
}
