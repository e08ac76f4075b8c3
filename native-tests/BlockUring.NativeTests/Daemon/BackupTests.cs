using Xunit;

namespace BlockUring.NativeTests.Daemon;

/// <summary>blockdev-backup: what is copied in each mode, what its options refuse, and what queries say of it.</summary>
/// <remarks>
/// Four of these have a transcript of ours: the disk is no multiple of a cluster, and the peer's len and offset count whole clusters, ours the
/// bytes that there are, so that len is the length of the disk.
/// </remarks>
public sealed class BackupTests : DaemonTestBase
{
    private const string Chain = """
        $ qemu-img create -q -f qcow2 base.qcow2 3000320 && qemu-io -c 'write -q -P 1 0 1M' -c 'write -q -P 2 2M 100k' base.qcow2
        $ qemu-img create -q -f qcow2 -b base.qcow2 -F qcow2 top.qcow2 && qemu-io -c 'write -q -P 3 512k 64k' -c 'write -q -z 1M 64k'
         -c 'write -q -P 4 2929k 512' top.qcow2
        $ qemu-img create -q -f qcow2 t.qcow2 3000320
        daemon --blockdev qcow2,node-name=top,file.driver=file,file.filename=top.qcow2
        blockdev-add {'driver':'qcow2','node-name':'t','file':{'driver':'file','filename':'t.qcow2'}}

        """;

    [Theory, MemberData(nameof(Sides))]
    public void BackupCopiesAll(Side side) => Play(side, Chain + """
        blockdev-backup {'job-id':'j','device':'top','target':'t','sync':'full'}
        wait JOB_STATUS_CHANGE j null
        query-jobs
        quit
        exit
        $ qemu-img compare top.qcow2 t.qcow2
        $ qemu-img check t.qcow2 | head -1
        """);

    [Theory, MemberData(nameof(Sides))]
    public void BackupCopiesTheTop(Side side) => Play(side, Chain + """
        mask len offset
        blockdev-backup {'job-id':'j','device':'top','target':'t','sync':'top'}
        wait JOB_STATUS_CHANGE j null
        quit
        exit
        $ qemu-img rebase -u -b base.qcow2 -F qcow2 t.qcow2
        $ qemu-img compare top.qcow2 t.qcow2
        $ qemu-img rebase -u -b '' t.qcow2 && qemu-img map --output=json t.qcow2 | grep -o '"start.*data": [a-z]*'
        $ qemu-img check t.qcow2 | head -1
        """);

    [Theory, MemberData(nameof(Sides))]
    public void BackupCompresses(Side side) => Play(side, Chain + """
        blockdev-backup {'job-id':'j','device':'top','target':'t','sync':'full','compress':true}
        wait JOB_STATUS_CHANGE j null
        quit
        exit
        $ qemu-img compare top.qcow2 t.qcow2
        $ qemu-img check t.qcow2 | head -1
        """);

    [Theory, MemberData(nameof(Sides))]
    public void BackupObeysItsTuning(Side side) => Play(side, Chain + """
        blockdev-backup {'job-id':'j','device':'top','target':'t','sync':'full','x-perf':{'use-copy-range':true,'max-workers':1,'max-chunk':65536}}
        wait JOB_STATUS_CHANGE j null
        blockdev-backup {'job-id':'j','device':'top','target':'t','sync':'full','x-perf':{'max-workers':0}}
        blockdev-backup {'job-id':'j','device':'top','target':'t','sync':'full','x-perf':{'max-workers':-1}}
        blockdev-backup {'job-id':'j','device':'top','target':'t','sync':'full','x-perf':{'max-workers':2147483648}}
        blockdev-backup {'job-id':'j','device':'top','target':'t','sync':'full','x-perf':{'max-chunk':-1}}
        blockdev-backup {'job-id':'j','device':'top','target':'t','sync':'full','x-perf':{'max-chunk':1000}}
        blockdev-backup {'job-id':'j','device':'top','target':'t','sync':'full','x-perf':{}}
        wait JOB_STATUS_CHANGE j null
        quit
        exit
        $ qemu-img compare top.qcow2 t.qcow2
        """);

    [Theory, MemberData(nameof(Sides))]
    public void BackupKeepsThePointInTime(Side side) => Play(side, """
        $ truncate -s 8M d.raw && qemu-io -f raw -c 'write -q -P 1 0 8M' d.raw
        $ cp d.raw before.raw && truncate -s 8M t.raw && truncate -s 64K p.raw && qemu-io -f raw -c 'write -q -P 9 0 64k' p.raw
        daemon --blockdev file,node-name=d,filename=d.raw --blockdev file,node-name=t,filename=t.raw --blockdev file,node-name=p,filename=p.raw
        mask len offset current-progress total-progress
        blockdev-add {'driver':'raw','node-name':'w','file':'d','offset':131072,'size':65536}
        blockdev-backup {'job-id':'j','device':'d','target':'t','sync':'none'}
        query-block-jobs
        blockdev-backup {'job-id':'write','device':'p','target':'w','sync':'full'}
        wait JOB_STATUS_CHANGE write null
        query-jobs
        block-job-cancel {'device':'j'}
        wait JOB_STATUS_CHANGE j null
        # Only what was about to be overwritten was copied, as it had been.
        $ qemu-io -r -U -f raw -c 'read -q -P 0 0 128k' -c 'read -q -P 1 128k 64k' -c 'read -q -P 0 192k 8000k' t.raw
        $ qemu-io -r -U -f raw -c 'read -q -P 1 0 128k' -c 'read -q -P 9 128k 64k' -c 'read -q -P 1 192k 8000k' d.raw
        # A slow full copy sees the old data, too.
        blockdev-backup {'job-id':'write','device':'p','target':'w','sync':'full','speed':0}
        wait JOB_STATUS_CHANGE write null
        blockdev-backup {'job-id':'j','device':'d','target':'t','sync':'full','speed':1}
        $ qemu-io -f raw -c 'write -q -P 8 0 64k' p.raw
        blockdev-backup {'job-id':'write','device':'p','target':'w','sync':'full'}
        wait JOB_STATUS_CHANGE write null
        block-job-set-speed {'device':'j','speed':0}
        wait JOB_STATUS_CHANGE j null
        $ qemu-io -r -U -f raw -c 'read -q -P 1 0 128k' -c 'read -q -P 9 128k 64k' -c 'read -q -P 1 192k 8000k' t.raw
        """);

    [Theory, MemberData(nameof(Sides))]
    public void BackupRefusesWhatCannotBe(Side side) => Play(side, Chain + """
        blockdev-add {'driver':'null-co','node-name':'small','size':65536}
        blockdev-add {'driver':'null-co','node-name':'n','size':3000320}
        blockdev-add {'driver':'null-co','node-name':'ro','size':3000320,'read-only':true}
        blockdev-backup {'job-id':'j','device':'zork','target':'t','sync':'full'}
        blockdev-backup {'job-id':'j','device':'top','target':'zork','sync':'full'}
        blockdev-backup {'device':'top','target':'t','sync':'full'}
        blockdev-backup {'job-id':'','device':'top','target':'t','sync':'full'}
        blockdev-backup {'job-id':'1j','device':'top','target':'t','sync':'full'}
        blockdev-backup {'job-id':'a b','device':'top','target':'t','sync':'full'}
        blockdev-backup {'job-id':'j','device':'top','target':'top','sync':'full'}
        blockdev-backup {'job-id':'j','device':'top','target':'small','sync':'full'}
        blockdev-backup {'job-id':'j','device':'top','target':'ro','sync':'full'}
        blockdev-backup {'job-id':'j','device':'top','target':'t','sync':'full','speed':-1}
        blockdev-backup {'job-id':'j','device':'top','target':'n','sync':'full','compress':true}
        blockdev-backup {'job-id':'j','device':'top','target':'t','sync':'full','filter-node-name':'t'}
        blockdev-backup {'job-id':'j','device':'top','target':'t','sync':'full','filter-node-name':'1f'}
        blockdev-backup {'job-id':'j','device':'top','target':'t','sync':'full','filter-node-name':'#f'}
        blockdev-backup {'job-id':'j','device':'top','target':'t','sync':'incremental'}
        blockdev-backup {'job-id':'j','device':'top','target':'t','sync':'bitmap'}
        blockdev-backup {'job-id':'j','device':'top','target':'t','sync':'full','bitmap-mode':'never'}
        blockdev-backup {'job-id':'j','device':'top','target':'t','sync':'full','bitmap':'zork','bitmap-mode':'always'}
        drive-backup {'job-id':'j','device':'top','target':'no/such/folder','sync':'full'}
        drive-backup {'job-id':'j','device':'top','target':'x.qcow2','sync':'full','format':'zork'}
        query-jobs
        # The id is taken.
        blockdev-backup {'job-id':'j','device':'top','target':'t','sync':'none'}
        blockdev-backup {'job-id':'j','device':'small','target':'small','sync':'none'}
        blockdev-backup {'job-id':'k','device':'top','target':'n','sync':'none'}
        blockdev-backup {'job-id':'k','device':'n','target':'t','sync':'none'}
        blockdev-backup {'job-id':'k','device':'t','target':'n','sync':'none'}
        job-cancel {'id':'j'}
        wait JOB_STATUS_CHANGE j null
        """,
    [
        new(
            "blockdev-backup {'job-id':'j','device':'top','target':'n','sync':'full','compress':true}",
            "GenericError: Compression is not supported for this drive ",
            "GenericError: Compression is not supported for this drive n",
            "the peer names a device, which a node has not; we name the node"),
        new(
            "    ! JOB_STATUS_CHANGE {\"id\":\"j\",\"status\":\"aborting\"}",
            "! BLOCK_JOB_CANCELLED {\"device\":\"j\",\"len\":3014656,\"offset\":0,\"speed\":0,\"type\":\"backup\"}",
            "! BLOCK_JOB_CANCELLED {\"device\":\"j\",\"len\":3000320,\"offset\":0,\"speed\":0,\"type\":\"backup\"}",
            "the peer rounds what is left up to whole clusters; ours is the length of the disk"),
    ]);

    [Theory, MemberData(nameof(Sides))]
    public void DriveBackupMakesItsTarget(Side side) => Play(side, Chain + """
        drive-backup {'job-id':'j','device':'top','target':'full.qcow2','sync':'full','format':'qcow2'}
        wait JOB_STATUS_CHANGE j null
        drive-backup {'job-id':'j','device':'top','target':'top2.qcow2','sync':'top','format':'qcow2'}
        wait BLOCK_JOB_COMPLETED j
        wait JOB_STATUS_CHANGE j null
        drive-backup {'job-id':'j','device':'top','target':'t.raw','sync':'full','format':'raw'}
        wait JOB_STATUS_CHANGE j null
        $ cp full.qcow2 again.qcow2
        drive-backup {'job-id':'j','device':'top','target':'again.qcow2','sync':'full','mode':'existing'}
        wait JOB_STATUS_CHANGE j null
        drive-backup {'job-id':'j','device':'top','target':'gone.qcow2','sync':'full','mode':'existing'}
        quit
        exit
        $ for i in full top2 again; do qemu-img compare top.qcow2 $i.qcow2; done; qemu-img compare top.qcow2 -F raw t.raw
        $ qemu-img info top2.qcow2 | grep backing
        """);
}
