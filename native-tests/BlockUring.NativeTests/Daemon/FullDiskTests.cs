using BlockUring.NativeTests.Storage;
using Xunit;

namespace BlockUring.NativeTests.Daemon;

/// <summary>A file system that is really full below the target of a job: the job stops, waits for room, and goes on where it was.</summary>
public sealed class FullDiskTests
{
    [Theory]
    [InlineData("tmpfs", "raw")]
    [InlineData("tmpfs", "qcow2")]
    [InlineData("ext4", "raw")]
    [InlineData("ext4", "qcow2")]
    public void A_backup_waits_for_room(string fileSystem, string format)
    {
        if ((DaemonUnderTest.WhyMissing(Side.Peer) ?? DaemonUnderTest.WhyMissing(Side.Ours)) is { } reason)
            Assert.Skip(reason);
        using var place = HostPlace.Make(fileSystem);
        using var scenario = new Scenario(Side.Ours);
        var folder = Path.GetDirectoryName(place.Path)!;
        scenario.Play($$"""
            $ truncate -s 16M d.raw && qemu-io -f raw -c 'write -q -P 1 0 16M' d.raw && cp d.raw before.raw
            $ qemu-img create -q -f {{format}} {{folder}}/t 16M && fallocate -l $(($(stat -f -c '%f*%S' {{folder}})-10000000)) {{folder}}/rest
            daemon --blockdev file,node-name=d,filename=d.raw --blockdev {{format}},node-name=t,file.driver=file,file.filename={{folder}}/t
            blockdev-backup {'job-id':'j','device':'d','target':'t','sync':'full','on-target-error':'enospc','filter-node-name':'f'}
            wait BLOCK_JOB_ERROR j stop
            wait JOB_STATUS_CHANGE j paused
            query-block-jobs
            # Nothing has changed.
            job-resume {'id':'j'}
            wait BLOCK_JOB_ERROR j stop
            wait JOB_STATUS_CHANGE j paused
            # The guest writes meanwhile, and may need room in the target as well.
            human-monitor-command {'command-line':'qemu-io f \"write -P 2 15M 1k\"'}
            $ rm {{folder}}/rest
            human-monitor-command {'command-line':'qemu-io f \"write -P 3 15M 1k\"'}
            job-resume {'id':'j'}
            wait JOB_STATUS_CHANGE j null
            quit
            exit
            $ qemu-img compare -f raw -F {{format}} before.raw {{folder}}/t
            """);
        var story = scenario.Transcript.ToString();
        if (format == "qcow2")
            scenario.Play($"$ qemu-img check -q {folder}/t");
        Assert.Contains("\"io-status\":\"nospace\"", story, StringComparison.Ordinal);
        Assert.Contains("wrote 1024/1024 bytes", story, StringComparison.Ordinal);
        Assert.Contains("Images are identical.", story, StringComparison.Ordinal);
        Assert.DoesNotContain("BLOCK_JOB_COMPLETED {\"device\":\"j\",\"error\"", story, StringComparison.Ordinal);
        Assert.DoesNotContain("exit code 1", scenario.Transcript.ToString(), StringComparison.Ordinal);
    }
}
