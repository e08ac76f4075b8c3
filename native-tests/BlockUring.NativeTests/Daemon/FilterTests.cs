using Xunit;

namespace BlockUring.NativeTests.Daemon;

/// <summary>Filters that are added by their names: what they are called, what they do, and what they refuse.</summary>
public sealed class FilterTests : DaemonTestBase
{
    [Theory, MemberData(nameof(Sides))]
    public void FiltersAreNodes(Side side) => Play(side, """
        $ qemu-img create -q -f qcow2 a.qcow2 1M
        $ truncate -s 1M t.raw
        daemon --object throttle-group,id=g,limits.iops-total=1000
        mask actual-size file filename
        blockdev-add {'driver':'qcow2','node-name':'a','file':{'driver':'file','filename':'a.qcow2'}}
        blockdev-add {'driver':'file','node-name':'t','filename':'t.raw'}
        blockdev-add {'driver':'throttle','node-name':'th','throttle-group':'g','file':'a'}
        blockdev-add {'driver':'copy-on-read','node-name':'cor','file':'th'}
        blockdev-add {'driver':'copy-on-read','node-name':'cor2','file':'th','bottom':'zork'}
        blockdev-add {'driver':'blkdebug','node-name':'bd','image':'t','align':3}
        blockdev-add {'driver':'blkdebug','node-name':'bd','image':'t','align':4096,'inject-error':[{'event':'none','iotype':'write',
         'errno':28,'once':true}],'set-state':[{'event':'read_aio','new_state':2}]}
        blockdev-add {'driver':'copy-before-write','node-name':'cbw','file':'a','target':'bd'}
        blockdev-add {'driver':'copy-before-write','node-name':'cbw','file':'a','target':'bd','bitmap':{'node':'a','name':'zork'}}
        blockdev-add {'driver':'copy-before-write','node-name':'cbw2','file':'zork','target':'bd'}
        blockdev-add {'driver':'snapshot-access','node-name':'sa','file':'a'}
        blockdev-add {'driver':'snapshot-access','node-name':'sa','file':'cbw'}
        blockdev-add {'driver':'null-co','node-name':'nc','size':12345,'latency-ns':1000,'read-zeroes':true}
        blockdev-add {'driver':'null-aio','node-name':'na'}
        show th drv image
        show cor drv ro
        show bd drv image
        show cbw drv image
        show sa drv ro image
        show nc drv image
        show na drv image
        blockdev-del {'node-name':'t'}
        blockdev-del {'node-name':'sa'}
        blockdev-del {'node-name':'cbw'}
        blockdev-del {'node-name':'bd'}
        blockdev-del {'node-name':'t'}
        """);

    [Theory, MemberData(nameof(Sides))]
    public void CompressStoresClustersCompressed(Side side) => Play(
        side,
        """
        $ truncate -s 1M d.raw && qemu-io -f raw -c 'write -q -P 1 0 1M' d.raw && qemu-img create -q -f qcow2 q.qcow2 1M
        $ qemu-img create -q -f qcow2 big.qcow2 -o cluster_size=2M 4M && truncate -s 4M b.raw && qemu-io -f raw -c 'write -q -P 2 0 4M' b.raw
        daemon --blockdev file,node-name=d,filename=d.raw --blockdev qcow2,node-name=q,file.driver=file,file.filename=q.qcow2
        mask len offset actual-size filename
        blockdev-add {'driver':'raw','node-name':'r','file':'d'}
        blockdev-add {'driver':'compress','node-name':'c','file':'q'}
        blockdev-add {'driver':'compress','node-name':'c2','file':'c'}
        blockdev-add {'driver':'compress','node-name':'c2','file':'r'}
        blockdev-add {'driver':'compress','node-name':'c2','file':'zork'}
        blockdev-add {'driver':'compress','node-name':'c2'}
        show c drv image
        blockdev-backup {'job-id':'j','device':'d','target':'c','sync':'full'}
        wait JOB_STATUS_CHANGE j null
        blockdev-add {'driver':'compress','node-name':'big','file':{'driver':'qcow2','file':{'driver':'file','filename':'big.qcow2'}}}
        blockdev-add {'driver':'raw','node-name':'b','file':{'driver':'file','filename':'b.raw'}}
        blockdev-backup {'job-id':'j','device':'b','target':'big','sync':'full'}
        wait JOB_STATUS_CHANGE j null
        quit
        exit
        $ qemu-img compare d.raw q.qcow2 && qemu-img compare b.raw big.qcow2
        $ qemu-img check q.qcow2 | grep -v offset && qemu-img check big.qcow2 | grep -v offset
        """);

    // The peer refuses a disk that ends inside a cluster, and to write to a cluster that holds something.
    [Fact]
    public void CompressTakesEveryDiskAndEveryCluster()
    {
        if ((DaemonUnderTest.WhyMissing(Side.Peer) ?? DaemonUnderTest.WhyMissing(Side.Ours)) is { } reason)
            Assert.Skip(reason);
        using var scenario = new Scenario(Side.Ours);
        scenario.Play("""
            $ truncate -s 3146240 d.raw && qemu-io -f raw -c 'write -q -P 1 0 3146240' -c 'write -q -z 1M 1M' d.raw
            $ qemu-img create -q -f qcow2 base.qcow2 3146240 && qemu-io -c 'write -q -P 9 0 3146240' base.qcow2
            $ for i in a b; do qemu-img create -q -f qcow2 -b base.qcow2 -F qcow2 $i.qcow2; done; qemu-io -c 'write -q -P 3 0 128k' a.qcow2
            $ qemu-img create -q -f qcow2 big.qcow2 -o cluster_size=2M,compression_type=zstd 3146240
            daemon --blockdev file,node-name=d,filename=d.raw
            blockdev-add {'driver':'compress','node-name':'a','file':{'driver':'qcow2','file':{'driver':'file','filename':'a.qcow2'}}}
            blockdev-add {'driver':'compress','node-name':'b','file':{'driver':'qcow2','file':{'driver':'file','filename':'b.qcow2'}}}
            blockdev-add {'driver':'compress','node-name':'big','file':{'driver':'qcow2','file':{'driver':'file','filename':'big.qcow2'}}}
            blockdev-backup {'job-id':'j','device':'d','target':'a','sync':'full'}
            wait JOB_STATUS_CHANGE j null
            blockdev-backup {'job-id':'j','device':'d','target':'a','sync':'full'}
            wait JOB_STATUS_CHANGE j null
            blockdev-backup {'job-id':'j','device':'d','target':'big','sync':'full'}
            wait JOB_STATUS_CHANGE j null
            human-monitor-command {'command-line':'qemu-io b \"write -q -P 5 100k 1k\"'}
            human-monitor-command {'command-line':'qemu-io b \"write -q -P 6 101k 200k\"'}
            human-monitor-command {'command-line':'qemu-io b \"write -q -z 110k 1k\"'}
            human-monitor-command {'command-line':'qemu-io b \"read -q -P 5 100k 1k\"'}
            quit
            exit
            $ qemu-img compare d.raw a.qcow2 && qemu-img compare d.raw big.qcow2
            $ qemu-img check a.qcow2 | grep -v offset && qemu-img check big.qcow2 | grep -v offset && qemu-img check b.qcow2 | grep -v offset
            $ qemu-io -c 'read -q -P 5 100k 1k' -c 'read -q -P 6 101k 9k' -c 'read -q -P 0 110k 1k' -c 'read -q -P 6 111k 190k' b.qcow2
            $ qemu-io -c 'read -q -P 9 0 100k' -c 'read -q -P 9 301k 2M' b.qcow2
            """);
        var story = scenario.Transcript.ToString();
        Assert.DoesNotContain("rror:", story, StringComparison.Ordinal);
        Assert.DoesNotContain("failed", story, StringComparison.Ordinal);
        Assert.Equal(2, story.Split("Images are identical.").Length - 1);
        Assert.Equal(3, story.Split("100.00% compressed clusters").Length - 1);
        Assert.Equal(1, story.Split("exit code").Length - 1);
    }

    // The filter cbw keeps in t what is written over in d; sa shows d as it was; w writes 64 KiB at 128 KiB through the filter.
    private const string Fleecing = """
        $ truncate -s 1M d.raw && qemu-io -f raw -c 'write -q -P 1 0 1M' d.raw && cp d.raw before.raw
        $ qemu-img create -q -f qcow2 t.qcow2 1M && truncate -s 1M out.raw && truncate -s 64K p.raw && qemu-io -f raw -c 'write -q -P 9 0 64k' p.raw
        daemon --blockdev file,node-name=d,filename=d.raw --blockdev qcow2,node-name=t,file.driver=file,file.filename=t.qcow2 --blockdev
         file,node-name=p,filename=p.raw
        mask len offset
        blockdev-add {'driver':'file','node-name':'out','filename':'out.raw'}
        blockdev-add {'driver':'blkdebug','node-name':'f','image':'t','inject-error':[{'event':'none','iotype':'write','errno':28,'once':true}]}

        """;

    // 64 KiB at 128 KiB are in the bitmap.
    private const string Windows = """
        block-dirty-bitmap-add {'node':'d','name':'m','granularity':32768}
        blockdev-add {'driver':'raw','node-name':'w','file':'d','offset':131072,'size':65536}
        blockdev-backup {'job-id':'write','device':'p','target':'w','sync':'full'}
        wait JOB_STATUS_CHANGE write null
        blockdev-del {'node-name':'w'}

        """;

    [Theory, MemberData(nameof(Sides))]
    public void SnapshotAccessEndsWithTheBitmap(Side side) => Play(side, Fleecing + Windows + """
        blockdev-add {'driver':'copy-before-write','node-name':'cbw','file':'d','target':'t','bitmap':{'node':'d','name':'m'}}
        blockdev-add {'driver':'snapshot-access','node-name':'sa','file':'cbw'}
        $ truncate -s 64K x.raw && truncate -s 64K y.raw && truncate -s 128K z.raw
        blockdev-add {'driver':'raw','node-name':'x','file':'sa','offset':131072,'size':65536}
        blockdev-add {'driver':'file','node-name':'xt','filename':'x.raw'}
        blockdev-backup {'job-id':'j','device':'x','target':'xt','sync':'full'}
        wait JOB_STATUS_CHANGE j null
        blockdev-add {'driver':'raw','node-name':'y','file':'sa','offset':196608,'size':65536}
        blockdev-add {'driver':'file','node-name':'yt','filename':'y.raw'}
        blockdev-backup {'job-id':'j','device':'y','target':'yt','sync':'full'}
        wait JOB_STATUS_CHANGE j null
        # Across the border.
        blockdev-add {'driver':'raw','node-name':'z','file':'sa','offset':131072,'size':131072}
        blockdev-add {'driver':'file','node-name':'zt','filename':'z.raw'}
        blockdev-backup {'job-id':'j','device':'z','target':'zt','sync':'full'}
        wait JOB_STATUS_CHANGE j null
        # The whole, errors passed over.
        blockdev-backup {'job-id':'j','device':'sa','target':'out','sync':'full','on-source-error':'report'}
        wait JOB_STATUS_CHANGE j null
        quit
        exit
        $ qemu-io -r -f raw -c 'read -q -P 9 0 64k' x.raw
        """);

    // Ours differs: outside the bitmap the peer shows the source, and once the guest has written there, what its target happens to hold.
    [Theory, MemberData(nameof(Sides))]
    public void SnapshotAccessEndsWithTheBitmapOfAJob(Side side) => Play(
        side,
        Fleecing + Windows + """
        blockdev-backup {'job-id':'b','device':'d','target':'t','sync':'bitmap','bitmap':'m','bitmap-mode':'never','auto-finalize':false,
         'filter-node-name':'f1'}
        wait BLOCK_JOB_PENDING b
        blockdev-add {'driver':'snapshot-access','node-name':'sa','file':'f1'}
        $ truncate -s 64K x.raw && truncate -s 64K y.raw
        blockdev-add {'driver':'raw','node-name':'x','file':'sa','offset':131072,'size':65536}
        blockdev-add {'driver':'file','node-name':'xt','filename':'x.raw'}
        blockdev-backup {'job-id':'j','device':'x','target':'xt','sync':'full'}
        wait JOB_STATUS_CHANGE j null
        blockdev-add {'driver':'raw','node-name':'y','file':'sa','offset':524288,'size':65536}
        blockdev-add {'driver':'file','node-name':'yt','filename':'y.raw'}
        blockdev-backup {'job-id':'j','device':'y','target':'yt','sync':'full'}
        wait JOB_STATUS_CHANGE j null
        """);

    [Theory, MemberData(nameof(Sides))]
    public void SnapshotAccessShowsThePast(Side side) => Play(side, Fleecing + """
        blockdev-add {'driver':'copy-before-write','node-name':'cbw','file':'d','target':'t'}
        blockdev-add {'driver':'snapshot-access','node-name':'sa','file':'cbw'}
        blockdev-add {'driver':'raw','node-name':'w','file':'cbw','offset':131072,'size':65536}
        blockdev-backup {'job-id':'write','device':'p','target':'w','sync':'full'}
        wait JOB_STATUS_CHANGE write null
        blockdev-backup {'job-id':'j','device':'sa','target':'out','sync':'full'}
        wait JOB_STATUS_CHANGE j null
        $ qemu-img compare -U -f raw -F raw before.raw out.raw
        $ qemu-io -r -U -f raw -c 'read -q -P 1 0 128k' -c 'read -q -P 9 128k 64k' -c 'read -q -P 1 192k 832k' d.raw
        blockdev-add {'driver':'null-co','node-name':'z','size':1048576,'read-zeroes':true}
        blockdev-backup {'job-id':'j','device':'z','target':'sa','sync':'full'}
        wait JOB_STATUS_CHANGE j null
        blockdev-del {'node-name':'cbw'}
        blockdev-del {'node-name':'sa'}
        blockdev-del {'node-name':'w'}
        blockdev-del {'node-name':'cbw'}
        """);

    [Theory, MemberData(nameof(Sides))]
    public void FailedCopiesBreakTheWrite(Side side) => Play(side, Fleecing + """
        blockdev-add {'driver':'copy-before-write','node-name':'cbw','file':'d','target':'f','on-cbw-error':'break-guest-write'}
        blockdev-add {'driver':'snapshot-access','node-name':'sa','file':'cbw'}
        blockdev-add {'driver':'raw','node-name':'w','file':'cbw','offset':131072,'size':65536}
        blockdev-backup {'job-id':'write','device':'p','target':'w','sync':'full'}
        wait JOB_STATUS_CHANGE write null
        blockdev-backup {'job-id':'j','device':'sa','target':'out','sync':'full'}
        wait JOB_STATUS_CHANGE j null
        $ qemu-img compare -U -f raw -F raw before.raw out.raw && qemu-img compare -U -f raw -F raw before.raw d.raw
        """);

    [Theory, MemberData(nameof(Sides))]
    public void FailedCopiesBreakTheSnapshot(Side side) => Play(side, Fleecing + """
        blockdev-add {'driver':'copy-before-write','node-name':'cbw','file':'d','target':'f','on-cbw-error':'break-snapshot','cbw-timeout':5}
        blockdev-add {'driver':'snapshot-access','node-name':'sa','file':'cbw'}
        blockdev-add {'driver':'raw','node-name':'w','file':'cbw','offset':131072,'size':65536}
        blockdev-backup {'job-id':'write','device':'p','target':'w','sync':'full'}
        wait JOB_STATUS_CHANGE write null
        blockdev-backup {'job-id':'j','device':'sa','target':'out','sync':'full'}
        wait JOB_STATUS_CHANGE j null
        $ qemu-io -r -U -f raw -c 'read -q -P 1 0 128k' -c 'read -q -P 9 128k 64k' -c 'read -q -P 1 192k 832k' d.raw
        """);

    [Theory, MemberData(nameof(Sides))]
    public void CopyOnReadFillsTheOverlay(Side side) => Play(side, """
        $ qemu-img create -q -f qcow2 base.qcow2 1M && qemu-io -c 'write -q -P 1 0 512k' base.qcow2
        $ qemu-img create -q -f qcow2 -b base.qcow2 -F qcow2 top.qcow2 && truncate -s 1M out.raw
        daemon --blockdev qcow2,node-name=top,file.driver=file,file.filename=top.qcow2 --blockdev copy-on-read,node-name=cor,file=top
         --blockdev file,node-name=out,filename=out.raw
        blockdev-backup {'job-id':'j','device':'cor','target':'out','sync':'full'}
        wait JOB_STATUS_CHANGE j null
        quit
        exit
        $ qemu-img compare -f raw -F qcow2 out.raw base.qcow2 && qemu-img check top.qcow2 | head -1
        $ qemu-io -c 'map' top.qcow2 | head -1
        """);
}
