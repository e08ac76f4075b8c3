using BlockUring.Storage;

namespace BlockUring.Cli.Img;

/// <summary>Ends a command with a message and an exit code.</summary>
internal sealed class CommandFailure : Exception
{
    /// <summary>A failure with its message; an empty one means that everything has been said.</summary>
    /// <param name="message">Without the program's name; several messages are separated by line feeds.</param>
    /// <param name="exitCode">The exit code.</param>
    public CommandFailure(string message, int exitCode = 1)
        : base(message) => ExitCode = exitCode;

    /// <summary>The exit code.</summary>
    public int ExitCode { get; }

    /// <summary>Printed after the message as it is, without the program's name.</summary>
    public string Hint { get; init; } = "";

    /// <summary>Whether "Try 'PROGRAM --help' for more information" follows.</summary>
    public bool PointsToHelp { get; init; }

    /// <summary>Says why something failed below; further lines of the reason are printed as they are.</summary>
    /// <param name="prefix">What was attempted, with what separates it from the reason.</param>
    /// <param name="reason">The failure.</param>
    /// <param name="exitCode">The exit code.</param>
    public static CommandFailure Because(string prefix, BlockException reason, int exitCode = 1)
    {
        var lines = reason.Message.Split('\n', 2);
        return new CommandFailure(prefix + lines[0], exitCode) { Hint = lines.Length > 1 ? lines[1] + "\n" : "" };
    }

    /// <summary>A command line that cannot be understood.</summary>
    public static CommandFailure Usage(string message) => new(message) { PointsToHelp = true };
}
