using Xunit;

namespace BlockUring.NativeTests.Daemon;

/// <summary>The human monitor's commands on real images, through human-monitor-command, which the peer's daemon does not have.</summary>
public sealed class HumanMonitorTests
{
    private const string Start = """
        $ qemu-img create -q -f qcow2 d.qcow2 4M && qemu-io -c 'write -q -P 1 0 1M' d.qcow2
        daemon --blockdev qcow2,node-name=d,file.driver=file,file.filename=d.qcow2
        mask len offset

        """;

    [Fact]
    public void A_backup_has_the_moment_it_was_asked_for() => Play(Start + """
        human-monitor-command {'command-line':'drive_backup -f d copy.qcow2 qcow2'}
        wait JOB_STATUS_CHANGE d null
        human-monitor-command {'command-line':'qemu-io d \"write -q -P 2 0 64k\"'}
        $ qemu-img create -q -f raw there.raw 4M
        human-monitor-command {'command-line':'drive_backup -n -f -c d there.raw raw'}
        human-monitor-command {'command-line':'drive_backup -n -f d there.raw raw'}
        wait JOB_STATUS_CHANGE d null
        human-monitor-command {'command-line':'drive_backup d'}
        human-monitor-command {'command-line':'drive_backup zork x.raw'}
        human-monitor-command {'command-line':'drive_backup -n d gone.raw raw'}
        quit
        exit
        $ qemu-io -c 'read -q -P 1 0 1M' -c 'read -q -P 0 1M 3M' copy.qcow2 && qemu-img check -q copy.qcow2
        $ qemu-io -f raw -c 'read -q -P 2 0 64k' -c 'read -q -P 1 64k 960k' -c 'read -q -P 0 1M 3M' there.raw
        """, """
        Error: Compression is not supported for this drive
        "drive_backup: string expected
        Cannot find device='zork' nor node-name='zork'
        Could not open 'gone.raw': No such file or directory
        """);

    [Fact]
    public void A_disk_gets_longer_and_shorter() => Play(Start + """
        human-monitor-command {'command-line':'block_resize d 6'}
        show d image
        human-monitor-command {'command-line':'block_resize d 5242880B'}
        human-monitor-command {'command-line':'qemu-io d length'}
        human-monitor-command {'command-line':'qemu-io d info'}
        human-monitor-command {'command-line':'block_resize d'}
        human-monitor-command {'command-line':'block_resize zork 6'}
        human-monitor-command {'command-line':'qemu-io d \"truncate 5M\"'}
        quit
        exit
        $ qemu-img check -q d.qcow2 && qemu-img info d.qcow2 | grep 'virtual size'
        """, """
        "virtual-size":6291456
        "5 MiB
        format name: qcow2
        block_resize: size expected
        virtual size: 5 MiB
        """);

    [Fact]
    public void A_snapshot_keeps_what_was_there() => Play(Start + """
        human-monitor-command {'command-line':'snapshot_blkdev d top.qcow2 qcow2'}
        human-monitor-command {'command-line':'qemu-io top \"write -q -P 2 0 64k\"'}
        $ printf xyz >pattern
        human-monitor-command {'command-line':'qemu-io top \"write -q -s pattern 64k 64k\"'}
        human-monitor-command {'command-line':'qemu-io top \"read -q -P 1 128k 64k\"'}
        human-monitor-command {'command-line':'snapshot_blkdev d'}
        human-monitor-command {'command-line':'snapshot_blkdev zork x.qcow2'}
        $ qemu-img create -q -f qcow2 -b top.qcow2 -F qcow2 there.qcow2
        human-monitor-command {'command-line':'snapshot_blkdev -n top there.qcow2 qcow2'}
        human-monitor-command {'command-line':'qemu-io d \"write 0 512\"'}
        quit
        exit
        $ qemu-io -c 'read -q -P 1 0 1M' d.qcow2 && qemu-img info top.qcow2 | grep -c 'backing file: .*d.qcow2'
        $ qemu-io -c 'read -q -P 2 0 64k' -c 'read -q -P 1 128k 896k' top.qcow2 && qemu-io -r -c 'read -v 64k 3' top.qcow2 | grep -c xyz
        """, """
        Error: Cannot find device='' nor node-name='zork'
        Error: Parameter 'snapshot-file' is missing
        Block node is read-only
        | 1
        """);

    // What is expected stands somewhere in the transcript, and no command of the shell fails.
    private static void Play(string script, string expected)
    {
        if ((DaemonUnderTest.WhyMissing(Side.Peer) ?? DaemonUnderTest.WhyMissing(Side.Ours)) is { } reason)
            Assert.Skip(reason);
        using var scenario = new Scenario(Side.Ours);
        scenario.Play(script);
        var story = scenario.Transcript.ToString();
        foreach (var words in expected.Split('\n', StringSplitOptions.RemoveEmptyEntries))
            Assert.True(story.Contains(words, StringComparison.Ordinal), $"There is no {words} in\n{story}");
        Assert.DoesNotContain("Pattern verification failed", story, StringComparison.Ordinal);
        Assert.DoesNotContain("exit code 1", story, StringComparison.Ordinal);
    }
}
