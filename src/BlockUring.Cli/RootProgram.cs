using System.CommandLine;
using System.CommandLine.Help;
using BlockUring.Cli.Output;

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
        // Why: only named here, for the help; the launcher takes `img` away before, because its options follow getopt's rules.
        root.Subcommands.Add(new Command("img", "What qemu-img is: create, convert, compare and inspect disk images"));

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

    private static string DescribeError(string[] arguments, string message) =>
        arguments[0].StartsWith('-') ? message : $"Command not found: {arguments[0]}";
}
