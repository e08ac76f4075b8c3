using System.Text.Json;
using BlockUring.NativeTests.Killed;
using Xunit;

namespace BlockUring.NativeTests.Daemon;

/// <summary>Several jobs on one chain at the same time, which QEMU does not allow; and what is refused meanwhile, with node and reason.</summary>
public sealed class ParallelJobTests
{
    private const string Speed = "\"speed\":4194304";
    private static readonly string[] Layers = ["a", "b", "c", "d", "active"];

    [Fact]
    public void JobsOnDisjointPartsRunSideBySide()
    {
        if ((DaemonUnderTest.WhyMissing(Side.Peer) ?? DaemonUnderTest.WhyMissing(Side.Ours)) is { } reason)
            Assert.Skip(reason);
        using var scenario = new Scenario(Side.Ours);
        var shown = MakeImages(scenario.Folder);
        scenario.Start("");
        scenario.Peer.Receive();
        Do(scenario, "qmp_capabilities", "{}");
        string? below = null;
        foreach (var name in (string[])["base", .. Layers])
        {
            var backing = below == null ? "null" : $"\"{below}\"";
            Do(scenario, "blockdev-add", $$"""{"driver":"qcow2","node-name":"{{name}}","file":{"driver":"file","filename":"{{name}}.qcow2"},"backing":{{backing}}}""");
            below = name;
        }

        Do(scenario, "blockdev-add", """{"driver":"qcow2","node-name":"copy","file":{"driver":"file","filename":"copy.qcow2"}}""");
        Do(scenario, "blockdev-add", """{"driver":"raw","node-name":"mirror","file":{"driver":"file","filename":"mirror.raw"}}""");
        Do(scenario, "block-commit", $$"""{"job-id":"commit","device":"active","top-node":"a","base-node":"base",{{Speed}}}""");
        Do(scenario, "block-stream", $$"""{"job-id":"stream","device":"d","bottom":"c",{{Speed}}}""");
        Do(scenario, "blockdev-mirror", $$"""{"job-id":"mirror","device":"active","target":"mirror","sync":"full",{{Speed}}}""");
        Do(scenario, "blockdev-backup", $$"""{"job-id":"backup","device":"active","target":"copy","sync":"full","filter-node-name":"guest",{{Speed}}}""");
        Assert.Equal(4, Do(scenario, "query-jobs", "{}").GetProperty("return").EnumerateArray().Count(j => j.GetProperty("status").GetString() == "running"));

        Refused(scenario, "Node 'd' is busy: block device is in use by block job: stream", "block-stream", """{"job-id":"x","device":"d","base-node":"b"}""");
        Refused(
            scenario,
            "Node 'c' is busy: block device is in use by block job: stream",
            "block-commit",
            """{"job-id":"x","device":"active","top-node":"c","base-node":"a"}""");
        Refused(scenario, "Node 'a' is busy: block device is in use by block job: commit", "block-stream", """{"job-id":"x","device":"b","base-node":"base"}""");
        Refused(scenario, "Node 'active' is busy: block device is in use by block job: mirror", "block_resize", """{"node-name":"active","size":67108864}""");

        Assert.Equal("", Do(scenario, "human-monitor-command", """{"command-line":"qemu-io guest \"write -q -P 77 1M 64k\""}""").GetProperty("return").GetString());
        WaitForAll(scenario);
        Do(scenario, "quit", "{}");
        Assert.Equal(0, scenario.Peer.WaitForExit().ExitCode);

        var written = (byte[])shown["active"].Clone();
        written.AsSpan(1 << 20, 64 << 10).Fill(77);
        Assert.True(shown["active"].AsSpan().SequenceEqual(KilledDaemon.ContentOf(scenario.Folder, "copy.qcow2")), "the backup");
        Assert.True(written.AsSpan().SequenceEqual(KilledDaemon.ContentOf(scenario.Folder, "mirror.raw")), "the mirror");
        Assert.True(written.AsSpan().SequenceEqual(KilledDaemon.ContentOf(scenario.Folder, "active.qcow2")), "the disk");
        Assert.True(shown["a"].AsSpan().SequenceEqual(KilledDaemon.ContentOf(scenario.Folder, "base.qcow2")), "the base");
        foreach (var name in (string[])["b", "d"])
            Assert.True(shown[name].AsSpan().SequenceEqual(KilledDaemon.ContentOf(scenario.Folder, $"{name}.qcow2")), name);
    }

    private static Dictionary<string, byte[]> MakeImages(string folder)
    {
        var script = "set -e; qemu-img create -q -f qcow2 copy.qcow2 16M; truncate -s 16M mirror.raw; "
            + "qemu-img create -q -f qcow2 base.qcow2 16M; qemu-io -c 'write -q -P 1 0 16M' base.qcow2; ";
        var below = "base";
        for (var i = 0; i < Layers.Length; i++)
        {
            script += $"qemu-img create -q -f qcow2 -b {below}.qcow2 -F qcow2 {Layers[i]}.qcow2; "
                + $"qemu-io -c 'write -q -P {i + 2} {i * 1700}k 3M' -c 'write -q -P {i + 20} {15 - (2 * i)}M 300k' {Layers[i]}.qcow2; ";
            below = Layers[i];
        }

        var (exitCode, printed) = KilledDaemon.Run(folder, script);
        Assert.True(exitCode == 0, printed);
        return Layers.ToDictionary(n => n, n => KilledDaemon.ContentOf(folder, $"{n}.qcow2"));
    }

    private static void WaitForAll(Scenario scenario)
    {
        for (var left = 4; left > 0;)
        {
            var happened = scenario.Peer.Receive()!.Value;
            var name = happened.TryGetProperty("event", out var member) ? member.GetString() : null;
            if (name == "BLOCK_JOB_READY")
                scenario.Peer.Send("""{"execute":"job-complete","arguments":{"id":"mirror"}}""");
            if (name != "BLOCK_JOB_COMPLETED")
                continue;
            Assert.False(happened.GetProperty("data").TryGetProperty("error", out var error), $"{error}");
            left--;
        }
    }

    private static void Refused(Scenario scenario, string reason, string command, string arguments) =>
        Assert.Equal(reason, Ask(scenario, command, arguments).GetProperty("error").GetProperty("desc").GetString());

    private static JsonElement Do(Scenario scenario, string command, string arguments)
    {
        var answer = Ask(scenario, command, arguments);
        Assert.True(answer.TryGetProperty("return", out _), answer.GetRawText());
        return answer;
    }

    private static JsonElement Ask(Scenario scenario, string command, string arguments)
    {
        scenario.Peer.Send($$"""{"execute":"{{command}}","arguments":{{arguments}}}""");
        while (true)
        {
            var answer = scenario.Peer.Receive()!.Value;
            if (!answer.TryGetProperty("event", out _))
                return answer;
        }
    }
}
