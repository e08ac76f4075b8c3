using BlockUring.Cli.Img;
using BlockUring.Cli.Output;
using BlockUring.Images.Qcow2;

namespace BlockUring.NativeTests.Images.Qcow2;

/// <summary>Runs our `img`, to be compared with qemu-img.</summary>
internal static class ImgRun
{
    /// <summary>Runs `img` in this process.</summary>
    public static (int ExitCode, string Output, string Error) Run(params string[] arguments)
    {
        using var results = new StringWriter();
        using var messages = new StringWriter();
        using var streams = new CommandOutput(results, messages);
        var exitCode = ImgProgram.Run(new ImgContext(streams, "qemu-img", "qemu-img"), arguments);
        return (exitCode, results.ToString(), messages.ToString());
    }

    /// <summary>The lines of a check's report that both write.</summary>
    // Ours ends the list with a line that says so; the counts in the output go on.
    public static string Lines(string text)
    {
        var end = 0;
        for (var i = 0; i < CheckFindings.MaxLines && end < text.Length; i++)
            end = text.IndexOf('\n', end) + 1;
        return text[..end];
    }

    /// <summary>Where two texts begin to differ.</summary>
    public static string Difference(string name, string theirs, string ours)
    {
        var (a, b) = (theirs.Split('\n'), ours.Split('\n'));
        var at = 0;
        while (at < Math.Min(a.Length, b.Length) && a[at] == b[at])
            at++;
        return $"{name}: line {at + 1} of {a.Length}, {b.Length}\n qemu-img: {At(a, at)}\n ours:     {At(b, at)}";
    }

    private static string At(string[] lines, int index) => string.Join("\n           ", lines.Skip(index).Take(3));
}
