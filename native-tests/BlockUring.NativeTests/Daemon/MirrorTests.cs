using Xunit;

namespace BlockUring.NativeTests.Daemon;

/// <summary>blockdev-mirror and drive-mirror: what is copied in each mode, how they end, and what they refuse.</summary>
public sealed class MirrorTests : DaemonTestBase
{
    private const string Failed =
        "[{\"current-progress\":0,\"error\":\"Source and target image have different sizes\",\"id\":\"j\",\"status\":\"concluded\",";

    private const string Rest =
        "\"device\":\"j\",\"io-status\":\"failed\",\"len\":\"*\",\"offset\":\"*\",\"paused\":true,\"ready\":false,\"speed\":0," +
        "\"status\":\"paused\",\"type\":\"mirror\"}]";

    private const string Chain = """
        $ qemu-img create -q -f qcow2 base.qcow2 3M && qemu-io -c 'write -q -P 1 0 1M' -c 'write -q -P 2 2M 100k' base.qcow2
        $ qemu-img create -q -f qcow2 -b base.qcow2 -F qcow2 top.qcow2 && qemu-io -c 'write -q -P 3 512k 64k' -c 'write -q -z 1M 64k'
         -c 'write -q -P 4 3071k 512' top.qcow2
        $ qemu-img create -q -f qcow2 t.qcow2 3M
        daemon --blockdev qcow2,node-name=top,file.driver=file,file.filename=top.qcow2
        blockdev-add {'driver':'qcow2','node-name':'t','file':{'driver':'file','filename':'t.qcow2'}}
        mask len offset

        """;

    [Theory, MemberData(nameof(Sides))]
    public void MirrorTakesTheDisksPlace(Side side) => Play(side, Chain + """
        blockdev-add {'driver':'throttle','node-name':'above','throttle-group':'g','file':'top'}
        object-add {'qom-type':'throttle-group','id':'g'}
        blockdev-add {'driver':'throttle','node-name':'above','throttle-group':'g','file':'top'}
        blockdev-mirror {'job-id':'j','device':'above','target':'t','sync':'full','replaces':'top'}
        wait BLOCK_JOB_READY j
        job-complete {'id':'j'}
        wait JOB_STATUS_CHANGE j null
        query-jobs
        blockdev-del {'node-name':'t'}
        blockdev-del {'node-name':'top'}
        quit
        exit
        $ qemu-img compare top.qcow2 t.qcow2
        $ qemu-img check t.qcow2 | head -1
        """);

    [Theory, MemberData(nameof(Sides))]
    public void MirrorCopiesTheTop(Side side) => Play(side, Chain + """
        blockdev-mirror {'job-id':'j','device':'top','target':'t','sync':'top'}
        wait BLOCK_JOB_READY j
        block-job-cancel {'device':'j'}
        wait JOB_STATUS_CHANGE j null
        quit
        exit
        $ qemu-img rebase -u -b base.qcow2 -F qcow2 t.qcow2
        $ qemu-img compare top.qcow2 t.qcow2
        $ qemu-img check t.qcow2 | head -1
        """);

    [Theory, MemberData(nameof(Sides))]
    public void MirrorOfNothingIsReadyAtOnce(Side side) => Play(side, Chain + """
        unmask len offset
        blockdev-mirror {'job-id':'j','device':'top','target':'t','sync':'none'}
        wait BLOCK_JOB_READY j
        job-complete {'id':'j'}
        wait JOB_STATUS_CHANGE j null
        blockdev-add {'driver':'null-co','node-name':'n0','size':0}
        blockdev-add {'driver':'null-co','node-name':'n1','size':0}
        blockdev-mirror {'job-id':'j','device':'n0','target':'n1','sync':'full'}
        wait BLOCK_JOB_READY j
        block-job-complete {'device':'j'}
        wait JOB_STATUS_CHANGE j null
        """);

    [Theory, MemberData(nameof(Sides))]
    public void MirrorEndsAsItIsTold(Side side) => Play(side, Chain + """
        blockdev-mirror {'job-id':'j','device':'top','target':'t','sync':'full','auto-finalize':false,'auto-dismiss':false}
        wait BLOCK_JOB_READY j
        job-complete {'id':'j'}
        wait BLOCK_JOB_PENDING j
        job-complete {'id':'j'}
        job-finalize {'id':'j'}
        wait JOB_STATUS_CHANGE j concluded
        job-dismiss {'id':'j'}
        wait JOB_STATUS_CHANGE j null
        # A ready one is cancelled: force or not makes a difference.
        blockdev-mirror {'job-id':'j','device':'top','target':'t','sync':'none'}
        wait BLOCK_JOB_READY j
        job-pause {'id':'j'}
        job-complete {'id':'j'}
        block-job-cancel {'device':'j'}
        job-resume {'id':'j'}
        wait JOB_STATUS_CHANGE j null
        """);

    [Theory, MemberData(nameof(Sides))]
    public void CancelledMirrors(Side side) => Play(side, Chain + """
        blockdev-mirror {'job-id':'j','device':'top','target':'t','sync':'full'}
        wait BLOCK_JOB_READY j
        block-job-cancel {'device':'j'}
        wait JOB_STATUS_CHANGE j null
        blockdev-mirror {'job-id':'j','device':'top','target':'t','sync':'full'}
        wait BLOCK_JOB_READY j
        block-job-cancel {'device':'j','force':true}
        wait JOB_STATUS_CHANGE j null
        blockdev-mirror {'job-id':'j','device':'top','target':'t','sync':'full'}
        wait BLOCK_JOB_READY j
        job-cancel {'id':'j'}
        wait JOB_STATUS_CHANGE j null
        blockdev-mirror {'job-id':'j','device':'top','target':'t','sync':'full','speed':1}
        job-complete {'id':'j'}
        block-job-cancel {'device':'j'}
        wait JOB_STATUS_CHANGE j null
        """);

    [Theory, MemberData(nameof(Sides))]
    public void MirrorRefusesWhatCannotBe(Side side) => Play(side, Chain + """
        blockdev-add {'driver':'null-co','node-name':'n','size':3145728}
        blockdev-add {'driver':'null-co','node-name':'ro','size':3145728,'read-only':true}
        blockdev-mirror {'job-id':'j','device':'zork','target':'t','sync':'full'}
        blockdev-mirror {'job-id':'j','device':'top','target':'zork','sync':'full'}
        blockdev-mirror {'job-id':'j','device':'top','target':'top','sync':'full'}
        blockdev-mirror {'device':'top','target':'t','sync':'full'}
        blockdev-mirror {'job-id':'1j','device':'top','target':'t','sync':'full'}
        blockdev-mirror {'job-id':'j','device':'top','target':'t','sync':'full','granularity':256}
        blockdev-mirror {'job-id':'j','device':'top','target':'t','sync':'full','granularity':134217728}
        blockdev-mirror {'job-id':'j','device':'top','target':'t','sync':'full','granularity':1000}
        blockdev-mirror {'job-id':'j','device':'top','target':'t','sync':'full','buf-size':-1}
        blockdev-mirror {'job-id':'j','device':'top','target':'t','sync':'full','speed':-1}
        blockdev-mirror {'job-id':'j','device':'top','target':'t','sync':'full','replaces':'zork'}
        blockdev-mirror {'job-id':'j','device':'top','target':'t','sync':'full','replaces':'n'}
        blockdev-mirror {'job-id':'j','device':'top','target':'ro','sync':'full'}
        blockdev-mirror {'job-id':'j','device':'top','target':'t','sync':'full','filter-node-name':'t'}
        blockdev-mirror {'job-id':'j','device':'top','target':'t','sync':'full','filter-node-name':'1f'}
        drive-mirror {'job-id':'j','device':'top','target':'x.qcow2','sync':'full','replaces':'top'}
        drive-mirror {'job-id':'j','device':'top','target':'no/such/folder','sync':'full'}
        drive-mirror {'job-id':'j','device':'top','target':'x.qcow2','sync':'full','format':'zork'}
        query-jobs
        # The id is taken, and so are the nodes.
        blockdev-mirror {'job-id':'j','device':'top','target':'t','sync':'none'}
        wait BLOCK_JOB_READY j
        blockdev-add {'driver':'null-co','node-name':'free','size':3145728}
        blockdev-mirror {'job-id':'j','device':'n','target':'free','sync':'none'}
        blockdev-mirror {'job-id':'k','device':'n','target':'t','sync':'none'}
        blockdev-mirror {'job-id':'k','device':'t','target':'n','sync':'none'}
        blockdev-del {'node-name':'t'}
        block_resize {'node-name':'t','size':4194304}
        job-cancel {'id':'j'}
        wait JOB_STATUS_CHANGE j null
        """,
    [
        new(
            "blockdev-mirror {'job-id':'j','device':'top','target':'ro','sync':'full'}",
            "GenericError: Block node is read-only\n    ! JOB_STATUS_CHANGE {\"id\":\"j\",\"status\":\"created\"}\n" +
            "    ! JOB_STATUS_CHANGE {\"id\":\"j\",\"status\":\"null\"}",
            "GenericError: Block node is read-only",
            "ours finds out before there is a job"),
        new(
            "blockdev-del {'node-name':'t'}",
            "GenericError: Node t is in use",
            "GenericError: Node 't' is busy: block device is in use by block job: mirror",
            "ours says by what"),
        new(
            "block_resize {'node-name':'t','size':4194304}",
            "GenericError: Device '(null)' is in use",
            "GenericError: Node 't' is busy: block device is in use by block job: mirror",
            "the peer names a device, which a node has not; we name the node"),
    ]);

    [Theory, MemberData(nameof(Sides))]
    public void SizesMustBeTheSame(Side side) => Play(side, Chain + """
        blockdev-add {'driver':'null-co','node-name':'small','size':65536}
        blockdev-mirror {'job-id':'j','device':'top','target':'small','sync':'full'}
        wait JOB_STATUS_CHANGE j null
        blockdev-mirror {'job-id':'j','device':'small','target':'top','sync':'full','auto-dismiss':false}
        wait JOB_STATUS_CHANGE j concluded
        query-jobs
        """,
    [
        new(
            "query-jobs",
            Failed + "\"total-progress\":0,\"type\":\"mirror\"}]",
            Failed + "\"total-progress\":65536,\"type\":\"mirror\"}]",
            "ours tells how much there is to do before it begins"),
    ]);

    [Theory, MemberData(nameof(Sides))]
    public void ErrorsFollowTheirPolicies(Side side) => Play(side, """
        $ truncate -s 1M s.raw && truncate -s 1M t.raw && qemu-io -f raw -c 'write -q -P 1 0 1M' s.raw
        daemon --blockdev raw,node-name=s,file.driver=file,file.filename=s.raw --blockdev file,node-name=f,filename=t.raw
        mask len offset busy
        blockdev-add {'driver':'blkdebug','node-name':'d','image':'f','inject-error':[{'event':'none','iotype':'write','errno':28,'once':true}]}
        blockdev-mirror {'job-id':'j','device':'s','target':'d','sync':'full','on-target-error':'stop','buf-size':1048576}
        wait BLOCK_JOB_ERROR j
        job-resume {'id':'j'}
        wait BLOCK_JOB_READY j
        job-cancel {'id':'j'}
        wait JOB_STATUS_CHANGE j null
        blockdev-del {'node-name':'d'}
        blockdev-add {'driver':'blkdebug','node-name':'d','image':'f','inject-error':[{'event':'none','iotype':'write','errno':5}]}
        blockdev-mirror {'job-id':'j','device':'s','target':'d','sync':'full','on-target-error':'report','buf-size':1048576}
        wait JOB_STATUS_CHANGE j null
        blockdev-mirror {'job-id':'j','device':'s','target':'d','sync':'full','on-target-error':'enospc','buf-size':1048576}
        wait JOB_STATUS_CHANGE j null
        blockdev-mirror {'job-id':'j','device':'s','target':'d','sync':'full','on-target-error':'stop','buf-size':1048576}
        wait JOB_STATUS_CHANGE j paused
        query-block-jobs
        job-cancel {'id':'j'}
        wait JOB_STATUS_CHANGE j null
        """,
    [
        new(
            "query-block-jobs",
            "[{\"auto-dismiss\":true,\"auto-finalize\":true,\"busy\":\"*\"," + Rest,
            "[{\"actively-synced\":false,\"auto-dismiss\":true,\"auto-finalize\":true,\"busy\":\"*\",\"copy-mode\":\"background\"," + Rest,
            "newer versions tell the first, and ours the copy mode besides"),
    ]);

    [Theory, MemberData(nameof(Sides))]
    public void DriveMirrorMakesItsTarget(Side side) => Play(side, Chain + """
        drive-mirror {'job-id':'j','device':'top','target':'full.qcow2','sync':'full','format':'qcow2'}
        wait BLOCK_JOB_READY j
        block-job-cancel {'device':'j'}
        wait JOB_STATUS_CHANGE j null
        drive-mirror {'job-id':'j','device':'top','target':'top2.qcow2','sync':'top','format':'qcow2'}
        wait BLOCK_JOB_READY j
        block-job-cancel {'device':'j'}
        wait JOB_STATUS_CHANGE j null
        $ cp full.qcow2 again.qcow2
        drive-mirror {'job-id':'j','device':'top','target':'again.qcow2','sync':'full','mode':'existing','unmap':false}
        wait BLOCK_JOB_READY j
        block-job-cancel {'device':'j'}
        wait JOB_STATUS_CHANGE j null
        drive-mirror {'job-id':'j','device':'top','target':'gone.qcow2','sync':'full','mode':'existing'}
        # The last one takes the place of the disk, with its chain.
        drive-mirror {'job-id':'j','device':'top','target':'top3.qcow2','sync':'top','node-name':'new','replaces':'top'}
        wait BLOCK_JOB_READY j
        job-complete {'id':'j'}
        wait JOB_STATUS_CHANGE j null
        quit
        exit
        $ for i in full top2 again top3; do qemu-img compare top.qcow2 $i.qcow2; qemu-img check $i.qcow2 | head -1; done
        $ qemu-img info top2.qcow2 | grep backing
        """);
}
