using Xunit;

namespace BlockUring.NativeTests.Daemon;

/// <summary>Backups that follow a bitmap: every mode of both kinds, with success, failure and cancellation.</summary>
public sealed class BackupBitmapTests : DaemonTestBase
{
    // The bitmap a has 128..192 KiB dirty; the target e fails one write, the target t none.
    private const string Disk = """
        $ truncate -s 1M d.raw && qemu-io -f raw -c 'write -q -P 1 0 1M' d.raw
        $ truncate -s 1M t.raw && truncate -s 64K p.raw && qemu-io -f raw -c 'write -q -P 9 0 64k' p.raw
        daemon --blockdev file,node-name=d,filename=d.raw --blockdev file,node-name=t,filename=t.raw --blockdev file,node-name=p,filename=p.raw
        mask len offset current-progress total-progress
        blockdev-add {'driver':'raw','node-name':'w','file':'d','offset':131072,'size':65536}
        blockdev-add {'driver':'raw','node-name':'w2','file':'d','offset':524288,'size':65536}
        block-dirty-bitmap-add {'node':'d','name':'a'}
        blockdev-backup {'job-id':'write','device':'p','target':'w','sync':'full'}
        wait JOB_STATUS_CHANGE write null
        show d dirty-bitmaps

        """;

    private const string Failing = """
        blockdev-add {'driver':'blkdebug','node-name':'e','image':'t','inject-error':[{'event':'none','iotype':'write','errno':28,'once':true}]}

        """;

    [Theory, MemberData(nameof(Sides))]
    public void IncrementalBackupClearsTheBitmap(Side side) => Play(side, Disk + """
        blockdev-backup {'job-id':'j','device':'d','target':'t','sync':'incremental','bitmap':'a'}
        wait JOB_STATUS_CHANGE j null
        show d dirty-bitmaps
        $ qemu-io -r -U -f raw -c 'read -q -P 0 0 128k' -c 'read -q -P 9 128k 64k' -c 'read -q -P 0 192k 832k' t.raw
        # Nothing is dirty: nothing is done.
        blockdev-backup {'job-id':'j','device':'d','target':'t','sync':'incremental','bitmap':'a'}
        wait JOB_STATUS_CHANGE j null
        """);

    [Theory, MemberData(nameof(Sides))]
    public void BitmapModesWhenTheBackupSucceeds(Side side) => Play(side, s => EveryMode(s, "t"));

    [Theory, MemberData(nameof(Sides))]
    public void BitmapModesWhenTheBackupFails(Side side) => Play(side, s => EveryMode(s, "e"));

    [Theory, MemberData(nameof(Sides))]
    public void BitmapModesWhenTheBackupIsCancelled(Side side) => Play(side, s =>
    {
        s.Play(Disk);
        foreach (var mode in (string[])["on-success", "never", "always"])
        {
            s.Run("blockdev-backup", "{'job-id':'j','device':'d','target':'t','sync':'bitmap','bitmap':'a'," +
                $"'bitmap-mode':'{mode}','auto-finalize':false}}");
            s.Play("""
                wait BLOCK_JOB_PENDING j
                show d dirty-bitmaps
                job-cancel {'id':'j'}
                wait JOB_STATUS_CHANGE j null
                show d dirty-bitmaps
                """);
        }
    });

    [Theory, MemberData(nameof(Sides))]
    public void WritesDuringTheBackupStayDirty(Side side) => Play(side, s =>
    {
        s.Play(Disk);
        foreach (var mode in (string[])["never", "on-success", "always"])
        {
            s.Run("blockdev-backup", "{'job-id':'j','device':'d','target':'t','sync':'bitmap','bitmap':'a'," +
                $"'bitmap-mode':'{mode}','auto-finalize':false}}");
            s.Play("""
                wait BLOCK_JOB_PENDING j
                blockdev-backup {'job-id':'write','device':'p','target':'w2','sync':'full'}
                wait JOB_STATUS_CHANGE write null
                show d dirty-bitmaps
                job-finalize {'id':'j'}
                wait JOB_STATUS_CHANGE j null
                show d dirty-bitmaps
                """);
        }
    });

    [Theory, MemberData(nameof(Sides))]
    public void FullBackupsUpdateBitmaps(Side side) => Play(side, Disk + """
        blockdev-backup {'job-id':'j','device':'d','target':'t','sync':'full','bitmap':'a','bitmap-mode':'on-success'}
        wait JOB_STATUS_CHANGE j null
        show d dirty-bitmaps
        """ + "\n" + Failing + """
        blockdev-backup {'job-id':'j','device':'d','target':'e','sync':'full','bitmap':'a','bitmap-mode':'on-success'}
        wait JOB_STATUS_CHANGE j null
        show d dirty-bitmaps
        """);

    [Theory, MemberData(nameof(Sides))]
    public void BusyBitmapsAreLeftAlone(Side side) => Play(side, Disk + """
        block-dirty-bitmap-add {'node':'d','name':'b'}
        blockdev-add {'driver':'null-co','node-name':'n','size':1048576}
        blockdev-backup {'job-id':'j','device':'d','target':'t','sync':'incremental','bitmap':'a','auto-finalize':false}
        wait BLOCK_JOB_PENDING j
        block-dirty-bitmap-remove {'node':'d','name':'a'}
        block-dirty-bitmap-clear {'node':'d','name':'a'}
        block-dirty-bitmap-enable {'node':'d','name':'a'}
        block-dirty-bitmap-disable {'node':'d','name':'a'}
        block-dirty-bitmap-merge {'node':'d','target':'a','bitmaps':['b']}
        block-dirty-bitmap-merge {'node':'d','target':'b','bitmaps':['a']}
        block-dirty-bitmap-add {'node':'d','name':'a'}
        blockdev-backup {'job-id':'k','device':'d','target':'n','sync':'incremental','bitmap':'a'}
        blockdev-backup {'job-id':'k','device':'d','target':'n','sync':'full','bitmap':'a','bitmap-mode':'never'}
        show d dirty-bitmaps
        job-finalize {'id':'j'}
        wait JOB_STATUS_CHANGE j null
        show d dirty-bitmaps
        # Arguments that do not go together.
        blockdev-backup {'job-id':'k','device':'d','target':'n','sync':'full','bitmap':'a'}
        blockdev-backup {'job-id':'k','device':'d','target':'n','sync':'full','bitmap':'a','bitmap-mode':'never'}
        blockdev-backup {'job-id':'k','device':'d','target':'n','sync':'top','bitmap':'a','bitmap-mode':'never'}
        blockdev-backup {'job-id':'k','device':'d','target':'n','sync':'none','bitmap':'a','bitmap-mode':'always'}
        blockdev-backup {'job-id':'k','device':'d','target':'n','sync':'bitmap','bitmap':'a'}
        blockdev-backup {'job-id':'k','device':'d','target':'n','sync':'incremental','bitmap':'a','bitmap-mode':'always'}
        blockdev-backup {'job-id':'k','device':'d','target':'n','sync':'incremental','bitmap':'a','bitmap-mode':'never'}
        blockdev-backup {'job-id':'k','device':'d','target':'n','sync':'incremental','bitmap':'zork'}
        blockdev-backup {'job-id':'k','device':'d','target':'n','sync':'none','bitmap-mode':'never'}
        """);

    private static void EveryMode(Scenario s, string target)
    {
        foreach (var sync in (string[])["bitmap", "full", "top"])
        {
            foreach (var mode in (string[])["on-success", "never", "always"])
            {
                if (sync != "bitmap" && mode == "never")
                    continue;
                s.Play(Disk + (target == "e" ? Failing : ""));
                s.Run("blockdev-backup", $"{{'job-id':'j','device':'d','target':'{target}','sync':'{sync}','bitmap':'a','bitmap-mode':'{mode}'}}");
                s.Play("wait JOB_STATUS_CHANGE j null\nshow d dirty-bitmaps\nquit\nexit");
            }
        }
    }
}
