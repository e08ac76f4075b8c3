using System.Text.Json;
using Xunit;

namespace BlockUring.NativeTests.Daemon;

/// <summary>Bitmaps of images that keep a log of write intents, when the daemon is killed; qemu-img checks the images, and writes to them.</summary>
public sealed class CrashSafeBitmapTests
{
    private const string Open = "daemon --blockdev qcow2,node-name=d,file.driver=file,file.filename=d.qcow2";

    [Fact]
    public void ABitmapOutlivesAKilledDaemonUnlessAnotherProgramWritesToTheImage()
    {
        if ((DaemonUnderTest.WhyMissing(Side.Ours) ?? DaemonUnderTest.WhyMissing(Side.Peer)) is { } reason)
            Assert.Skip(reason);
        using var scenario = new Scenario(Side.Ours);
        scenario.Play("$ qemu-img create -q -f qcow2 d.qcow2 64M");
        var made = Cli.Program.Run(scenario.Folder, "img", "bitmap", "--add", "--crash-safe", "d.qcow2", "b");
        Assert.Equal((0, "", ""), made);

        Play(scenario, Open, "human-monitor-command {'command-line':'qemu-io d \\\"write -P 7 20M 64k\\\"'}", "$ kill -9 $PID", "exit", Open);
        var bitmap = Bitmap(scenario);
        Assert.False(bitmap.TryGetProperty("inconsistent", out _), bitmap.ToString());
        Assert.Equal(1 << 20, bitmap.GetProperty("count").GetInt64());

        // What was found is stored as any bitmap, and read by others as such.
        Play(scenario, "quit", "exit", "$ qemu-img check d.qcow2", "$ qemu-io -c 'write -q 40M 4k' d.qcow2", Open);
        Assert.Equal((1 << 20) + 65536, Bitmap(scenario).GetProperty("count").GetInt64());
        Assert.Contains("No errors were found on the image.", scenario.Transcript.ToString(), StringComparison.Ordinal);

        Play(scenario, "human-monitor-command {'command-line':'qemu-io d \\\"write -P 8 0 64k\\\"'}", "$ kill -9 $PID", "exit");
        Play(scenario, "$ qemu-io -c 'write -q 60M 4k' d.qcow2", Open);
        Assert.True(Bitmap(scenario).GetProperty("inconsistent").GetBoolean());
    }

    private static void Play(Scenario scenario, params string[] lines) => scenario.Play(string.Join('\n', lines));

    private static JsonElement Bitmap(Scenario scenario)
    {
        var nodes = scenario.Run("query-named-block-nodes").GetProperty("return").EnumerateArray();
        return nodes.Single(n => n.GetProperty("node-name").GetString() == "d").GetProperty("dirty-bitmaps")[0];
    }
}
