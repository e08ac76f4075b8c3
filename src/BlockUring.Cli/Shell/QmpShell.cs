using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using BlockUring.Cli.Img;
using BlockUring.Cli.Output;

namespace BlockUring.Cli.Shell;

/// <summary>`blockuring qmp`: sends commands to a running daemon; one from the command line, or lines from a terminal or a pipe.</summary>
internal sealed class QmpShell
{
    private static readonly TimeSpan KeyStep = TimeSpan.FromMilliseconds(20);
    private static readonly JsonWriterOptions Compact = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
    private static readonly JsonWriterOptions Pretty = Compact with { Indented = true, IndentSize = 4 };

    private readonly CommandOutput output;
    private readonly QmpClient client;
    private readonly MonitorSchema schema;

    private QmpShell(CommandOutput output, QmpClient client)
    {
        this.output = output;
        this.client = client;
        schema = new(client.Query("query-qmp-schema"));
    }

    /// <summary>Runs it.</summary>
    /// <param name="output">The process's streams.</param>
    /// <param name="input">Lines, where there is no terminal.</param>
    /// <param name="path">The monitor's socket.</param>
    /// <param name="words">A command with its arguments; none for a conversation.</param>
    /// <returns>0, or 1 when a command failed.</returns>
    public static int Run(CommandOutput output, TextReader input, string path, string[] words)
    {
        try
        {
            using var client = QmpClient.Connect(path);
            var shell = new QmpShell(output, client);
            if (words.Length > 0)
                return shell.Execute(words) ? 0 : 1;
            return output.IsTerminal && !Console.IsInputRedirected ? shell.Converse() : shell.RunLines(input);
        }
        catch (CommandFailure e)
        {
            output.Report(Launcher.ProgramName, e.Message);
            return 1;
        }
    }

    private static string Indent(JsonElement value) => Write(value, Pretty);

    private static string Write(JsonElement value, JsonWriterOptions options)
    {
        var text = new ArrayBufferWriter<byte>();
        using var writer = new Utf8JsonWriter(text, options);
        value.WriteTo(writer);
        writer.Flush();
        return Encoding.UTF8.GetString(text.WrittenSpan);
    }

    private int RunLines(TextReader input)
    {
        var allSucceeded = true;
        while (input.ReadLine() is { } line)
        {
            if (line.Trim() is not { Length: > 0 } text || text.StartsWith('#'))
                continue;
            allSucceeded &= Execute(RequestText.Split(text));
            while (client.TakeEvent(TimeSpan.Zero) is { } happened)
                output.Out.Write(DescribeEvent(happened) + "\n");
            output.Out.Flush();
        }

        return allSucceeded ? 0 : 1;
    }

    private int Converse()
    {
        var history = new ShellHistory(ShellHistory.DefaultPath());
        var editor = new LineEditor("(qmp) ", line => Completion.Find(schema, line), history, () => client.TakeEvent(KeyStep) is { } e ? DescribeEvent(e) : null);
        while (editor.Read() is { } line)
        {
            if (line.Trim() is "exit" or "q")
                return 0;
            if (line.Trim().Length == 0)
                continue;
            try
            {
                Execute(RequestText.Split(line));
            }
            catch (CommandFailure e) when (e.Message.EndsWith("is expected", StringComparison.Ordinal))
            {
                output.Report(Launcher.ProgramName, e.Message);
            }
        }

        output.Out.Write("\n");
        return 0;
    }

    private bool Execute(IReadOnlyList<string> words)
    {
        var answer = client.Execute(RequestText.Make(words, schema));
        if (answer.TryGetProperty("return", out var result))
        {
            output.Out.Write(Indent(result) + "\n");
            return true;
        }

        output.Report(Launcher.ProgramName, QmpClient.DescribeError(answer));
        return false;
    }

    private static string DescribeEvent(JsonElement happened) =>
        $"! {happened.GetProperty("event").GetString()}{(happened.TryGetProperty("data", out var data) ? " " + Write(data, Compact) : "")}";
}
