using System.CommandLine;
using System.Globalization;
using BlockUring.Cli.Output;

namespace BlockUring.Cli.Shell;

/// <summary>The commands that talk to a running daemon, as words and options.</summary>
internal static class ShellCommands
{
    /// <summary>`qmp`.</summary>
    public static Command MakeQmp(CommandOutput output)
    {
        var socket = MakeSocket();
        var words = new Argument<string[]>("COMMAND") { Description = "A command and its arguments, key=value; none for a conversation", Arity = ArgumentArity.ZeroOrMore };
        var command = new Command("qmp", "Send commands to a running daemon") { socket, words };
        command.SetAction(result => QmpShell.Run(output, Console.In, result.GetValue(socket)!, result.GetValue(words)!));
        return command;
    }

    /// <summary>`top`.</summary>
    public static Command MakeTop(CommandOutput output)
    {
        var socket = MakeSocket();
        var once = new Option<bool>("--once") { Description = "Show one frame as text, and end" };
        var interval = new Option<string>("--interval") { Description = "Seconds between frames", DefaultValueFactory = _ => "1" };
        var command = new Command("top", "Watch the jobs of a running daemon") { socket, once, interval };
        command.SetAction(result =>
        {
            if (double.TryParse(result.GetValue(interval), CultureInfo.InvariantCulture, out var seconds) && seconds is >= 0.1 and <= 3600)
                return TopCommand.Run(output, result.GetValue(socket)!, result.GetValue(once), TimeSpan.FromSeconds(seconds));
            output.Report(Launcher.ProgramName, "--interval must be 0.1 to 3600 seconds");
            return 1;
        });
        return command;
    }

    private static Argument<string> MakeSocket() => new("SOCKET") { Description = "The unix socket of the daemon's monitor" };
}
