using System.Diagnostics;
using BlockUring.Cli.Img;
using BlockUring.Native.Interop;

namespace BlockUring.Cli.Daemon;

/// <summary>
/// The way to the background. The run-time has threads, which a fork would lose, so the daemon is a second process of the same program: the
/// first one waits until the second has started, or has failed to, and ends with its result.
/// </summary>
internal static class Background
{
    // Its value is the name before messages.
    private const string Variable = "BLOCKURING_BACKGROUND";

    // The last byte that the second process writes to the first: the start is complete. No text has it.
    private const byte Started = 6;

    /// <summary>Whether this is the second process.</summary>
    public static bool IsChild => ProgramName != null;

    /// <summary>The name before messages that the first process was started under; null in the first process.</summary>
    public static string? ProgramName => Environment.GetEnvironmentVariable(Variable);

    /// <summary>Starts the second process, and waits until it has started.</summary>
    /// <param name="context">Of the first process.</param>
    /// <param name="command">The subcommand: "daemon".</param>
    /// <param name="arguments">The words behind it.</param>
    /// <returns>The exit code.</returns>
    /// <exception cref="CommandFailure">It cannot be run.</exception>
    public static int Start(DaemonContext context, string command, string[] arguments)
    {
        var assembly = Environment.GetCommandLineArgs()[0];
        string[] prefix = assembly.EndsWith(".dll", StringComparison.Ordinal) ? [assembly, command] : [command];
        var start = new ProcessStartInfo(Environment.ProcessPath!, [.. prefix, .. arguments]) { RedirectStandardOutput = true };
        start.Environment[Variable] = context.ProgramName;
        try
        {
            using var process = Process.Start(start)!;
            if (PassOn(process.StandardOutput.BaseStream, context))
                return 0;
            process.WaitForExit();
            return process.ExitCode;
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            throw new CommandFailure($"cannot start the process in the background: {Errno.Message(e.NativeErrorCode)}");
        }
    }

    /// <summary>In the second process, first: it leaves the terminal's session. What it starts itself is no such process.</summary>
    public static void BeginSession()
    {
        Environment.SetEnvironmentVariable(Variable, null);
        _ = ProcessCalls.StartSession();
    }

    /// <summary>In the second process: the start is complete, the first one ends, and nothing is left of where it was started.</summary>
    public static void EndStart(DaemonContext context)
    {
        context.Output.Out.Flush();
        StandardStream.Output.Write([Started]);
        Directory.SetCurrentDirectory("/");
        _ = ProcessCalls.DropStandardStreams();
    }

    private static bool PassOn(Stream from, DaemonContext context)
    {
        var buffer = new byte[4096];
        for (int count; (count = from.Read(buffer)) > 0;)
        {
            var hasStarted = buffer[count - 1] == Started;
            StandardStream.Output.Write(buffer.AsSpan(0, hasStarted ? count - 1 : count));
            if (hasStarted)
                return true;
        }

        context.Output.Out.Flush();
        return false;
    }
}
