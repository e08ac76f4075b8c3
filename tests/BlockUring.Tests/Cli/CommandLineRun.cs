using BlockUring.Cli;
using BlockUring.Cli.Img;
using BlockUring.Cli.Output;

namespace BlockUring.Tests.Cli;

/// <summary>Runs the program inside the test and keeps what it printed.</summary>
internal sealed record CommandLineRun(int ExitCode, string Output, string Error)
{
    public static CommandLineRun As(string startedAs, params string[] arguments)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        using var streams = new CommandOutput(output, error);
        var exitCode = Launcher.Run(startedAs, arguments, streams);
        return new CommandLineRun(exitCode, output.ToString(), error.ToString());
    }

    public static ImgContext Context() => new(new CommandOutput(new StringWriter(), new StringWriter()), "qemu-img", "qemu-img");
}
