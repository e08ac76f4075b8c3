using System.Text.Json;
using BlockUring.NativeTests.Daemon;
using BlockUring.NativeTests.Images;
using Xunit;

namespace BlockUring.NativeTests.Cli.Shell;

/// <summary>The clients of a running daemon: one command, lines from a pipe, one frame of the job table.</summary>
public sealed class ShellTests : IDisposable
{
    private readonly TempFolder folder = new();
    private readonly QmpPeer daemon;

    public ShellTests()
    {
        string[] options =
        [
            "--chardev", "socket,id=m,path=m.sock,server=on,wait=off", "--monitor", "m,pretty=on", "--pidfile", "d.pid",
            "--blockdev", "null-co,node-name=n,size=1073741824",
        ];
        daemon = new(DaemonUnderTest.Command(Side.Ours), folder.Path, options, () => "");
        daemon.WaitForFile(folder["d.pid"]);
    }

    [Fact]
    public void OneCommandIsAnsweredOnStandardOutput()
    {
        var (exitCode, output, error) = Program.Run(folder.Path, "qmp", "m.sock", "query-version");
        Assert.Equal((0, ""), (exitCode, error));
        Assert.Equal(7, JsonDocument.Parse(output).RootElement.GetProperty("qemu").GetProperty("major").GetInt32());
        Assert.Equal(
            (1, "", "blockuring: GenericError: Parameter 'id' is missing\n"),
            Program.Run(folder.Path, "qmp", "m.sock", "job-cancel"));
        Assert.Equal((0, "{}\n", ""), Program.Run(folder.Path, "qmp", "m.sock", "quit"));
        Assert.Equal(0, daemon.WaitForExit().ExitCode);
    }

    [Fact]
    public void LinesOfAPipeAreCommands()
    {
        const string Lines = "block-null device=n job-id=j speed=1\n# a remark\n\nblock-job-set-speed device=j speed=2\n{\"execute\":\"query-block-jobs\"}\n";
        var (exitCode, output, error) = Program.RunWithInput(folder.Path, Lines, "qmp", "m.sock");
        Assert.Equal((0, ""), (exitCode, error));
        Assert.Contains("! JOB_STATUS_CHANGE {\"status\":\"running\",\"id\":\"j\"}\n", output, StringComparison.Ordinal);
        Assert.Contains("\"speed\": 2,\n", output, StringComparison.Ordinal);
        Assert.Equal(1, Program.RunWithInput(folder.Path, "zork\nquery-jobs\n", "qmp", "m.sock").ExitCode);
    }

    [Fact]
    public void TheTableShowsJobsOnce()
    {
        Program.Run(folder.Path, "qmp", "m.sock", "block-null", "device=n", "job-id=j1", "speed=1024");
        var (exitCode, output, error) = Program.Run(folder.Path, "top", "m.sock", "--once");
        Assert.Equal((0, ""), (exitCode, error));
        var lines = output.Split('\n');
        Assert.StartsWith("job  type  status", lines[0], StringComparison.Ordinal);
        Assert.Matches("^j1   null  running  .* 1 KiB/s$", lines[1]);
    }

    [Fact]
    public void NobodyListening() => Assert.Equal(
        (1, "", "blockuring: Failed to connect to 'gone.sock': No such file or directory\n"),
        Program.Run(folder.Path, "top", "gone.sock"));

    public void Dispose()
    {
        daemon.Dispose();
        folder.Dispose();
    }
}
