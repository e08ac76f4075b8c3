using BlockUring.Cli.Output;
using BlockUring.Images;

namespace BlockUring.Cli.Img;

/// <summary>What a subcommand runs in.</summary>
/// <param name="Output">The standard streams.</param>
/// <param name="ProgramName">The name before messages: "qemu-img" or "blockuring".</param>
/// <param name="HelpCommand">What shows the help when followed by --help: "qemu-img" or "blockuring img".</param>
internal sealed record ImgContext(CommandOutput Output, string ProgramName, string HelpCommand)
{
    /// <summary>The clock for measured times.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Decides which files named inside images may be opened.</summary>
    public OpenGate Gate { get; init; } = OpenGate.AllowAll;

    /// <summary>Definitions given by --object, in order.</summary>
    public List<ObjectDefinition> Objects { get; } = [];

    /// <summary>Standard output.</summary>
    public TextWriter Out => Output.Out;

    /// <summary>Prints one message on standard error.</summary>
    public void Report(string message) => Output.Report(ProgramName, message);

    /// <summary>Prints a warning on standard error; one that brings its own "WARNING:" is printed as it is, as qemu-img does.</summary>
    public void Warn(string message)
    {
        if (message.StartsWith("WARNING:", StringComparison.Ordinal))
            Output.Error.Write(message + "\n");
        else
            Report("warning: " + message);
    }
}
