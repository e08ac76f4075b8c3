using BlockUring.Cli.Output;

namespace BlockUring.Cli.Daemon;

/// <summary>What the daemon runs in.</summary>
/// <param name="Output">The process's streams.</param>
/// <param name="ProgramName">The name before messages: "qemu-storage-daemon" or "blockuring".</param>
/// <param name="HelpCommand">How the program is called, in the help.</param>
internal sealed record DaemonContext(CommandOutput Output, string ProgramName, string HelpCommand)
{
    /// <summary>Prints one message on standard error.</summary>
    public void Report(string message) => Output.Report(ProgramName, message);
}
