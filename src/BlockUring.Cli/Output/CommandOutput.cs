using System.Text;
using BlockUring.Native.Interop;

namespace BlockUring.Cli.Output;

/// <summary>
/// The standard streams as qemu-img uses them: results on a buffered standard output (by the line on a terminal), messages at once on
/// standard error.
/// </summary>
internal sealed class CommandOutput : IDisposable
{
    private static readonly Encoding Utf8 = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false);

    /// <summary>Binds to given streams.</summary>
    /// <param name="output">Receives results.</param>
    /// <param name="error">Receives messages.</param>
    /// <param name="isTerminal">Whether results go to a terminal.</param>
    public CommandOutput(TextWriter output, TextWriter error, bool isTerminal = false)
    {
        Out = output;
        Error = error;
        IsTerminal = isTerminal;
    }

    /// <summary>Standard output. Lines end in "\n", written as such.</summary>
    public TextWriter Out { get; }

    /// <summary>Standard error.</summary>
    public TextWriter Error { get; }

    /// <summary>Whether <see cref="Out"/> is a terminal.</summary>
    public bool IsTerminal { get; }

    /// <summary>The process's own streams.</summary>
    public static CommandOutput OfProcess()
    {
        // Why: a pipe gets what a C program's stdio would send it, so that results and messages joined by 2>&1 come in the same order.
        var isTerminal = StandardStream.Output.IsTerminal;
        var output = new StreamWriter(StandardStream.Output, Utf8, bufferSize: 4096) { AutoFlush = isTerminal, NewLine = "\n" };
        var error = new StreamWriter(StandardStream.Error, Utf8, bufferSize: 256) { AutoFlush = true, NewLine = "\n" };
        return new CommandOutput(output, error, isTerminal);
    }

    /// <summary>Prints one message: "PROGRAM: message".</summary>
    public void Report(string program, string message) => Error.Write($"{program}: {message}\n");

    /// <summary>Sends what is buffered.</summary>
    public void Dispose()
    {
        Out.Flush();
        Error.Flush();
    }
}
