using Xunit;

namespace BlockUring.NativeTests.Daemon;

/// <summary>block-commit of layers that are not the active one: what is moved, who is told, and what its arguments refuse.</summary>
public sealed class CommitTests : DaemonTestBase
{
    private const string Chain = """
        $ qemu-img create -q -f qcow2 base.qcow2 4M && qemu-io -c 'write -q -P 1 0 3M' base.qcow2
        $ qemu-img create -q -f qcow2 -b base.qcow2 -F qcow2 mid.qcow2 && qemu-io -c 'write -q -P 2 1M 1M' mid.qcow2
        $ qemu-img create -q -f qcow2 -b mid.qcow2 -F qcow2 top.qcow2 && qemu-io -c 'write -q -P 3 1536k 100k' -c 'write -q -z 64k 64k' top.qcow2
        $ qemu-img create -q -f qcow2 -b top.qcow2 -F qcow2 disk.qcow2 && qemu-io -c 'write -q -P 4 2M 5k' disk.qcow2
        $ qemu-img convert -O raw disk.qcow2 before.raw && qemu-img convert -O raw top.qcow2 top.raw

        """;

    private const string Nodes = """
        daemon
        blockdev-add {'driver':'qcow2','node-name':'base','read-only':true,'file':{'driver':'file','filename':'base.qcow2'}}
        blockdev-add {'driver':'qcow2','node-name':'mid','read-only':true,'file':{'driver':'file','filename':'mid.qcow2'},'backing':'base'}
        blockdev-add {'driver':'qcow2','node-name':'top','read-only':true,'file':{'driver':'file','filename':'top.qcow2'},'backing':'mid'}
        blockdev-add {'driver':'qcow2','node-name':'disk','file':{'driver':'file','filename':'disk.qcow2'},'backing':'top'}

        """;

    [Theory, MemberData(nameof(Sides))]
    public void CommitMovesLayersIntoTheBase(Side side) => Play(side, Chain + Nodes + """
        block-commit {'job-id':'j','device':'disk','top-node':'top','base-node':'base'}
        wait JOB_STATUS_CHANGE j null
        show disk file backing_file ro
        show base ro
        show mid ro
        query-jobs
        blockdev-del {'node-name':'top'}
        blockdev-del {'node-name':'mid'}
        blockdev-del {'node-name':'disk'}
        blockdev-del {'node-name':'base'}
        quit
        exit
        $ qemu-img compare disk.qcow2 -F raw before.raw; qemu-img compare base.qcow2 -F raw top.raw
        $ qemu-img info disk.qcow2 | grep backing; qemu-img check disk.qcow2 | head -1; qemu-img check base.qcow2 | head -1
        """);

    [Theory, MemberData(nameof(Sides))]
    public void CommitFindsLayersByFileNames(Side side) => Play(side, Chain + """
        daemon --blockdev qcow2,node-name=disk,file.driver=file,file.filename=disk.qcow2
        block-commit {'job-id':'j','device':'disk','top':'zork.qcow2','base':'base.qcow2'}
        block-commit {'job-id':'j','device':'disk','top':'top.qcow2','base':'zork.qcow2'}
        block-commit {'job-id':'j','device':'disk','top':'mid.qcow2','base':'top.qcow2'}
        block-commit {'job-id':'j','device':'disk','top':'top.qcow2','base':'./mid.qcow2','backing-file':'./mid.qcow2'}
        wait JOB_STATUS_CHANGE j null
        block-commit {'job-id':'j','device':'disk','top':'mid.qcow2'}
        wait JOB_STATUS_CHANGE j null
        show disk backing_file backing_file_depth
        quit
        exit
        $ qemu-img compare disk.qcow2 -F raw before.raw; qemu-img info disk.qcow2 | grep backing
        """);

    [Theory, MemberData(nameof(Sides))]
    public void CommitRefusesWhatCannotBe(Side side) => Play(side, Chain + """
        daemon
        block-commit {'device':'zork'}
        block-commit {'device':'zork','base':'a','base-node':'b','speed':-1}
        """ + "\n" + Nodes[(Nodes.IndexOf('\n') + 1)..] + """
        block-commit {'job-id':'j','device':'top'}
        block-commit {'job-id':'j','device':'disk','top-node':'zork'}
        block-commit {'job-id':'j','device':'disk','base-node':'zork'}
        block-commit {'job-id':'j','device':'disk','base-node':'base','base':'base.qcow2'}
        block-commit {'job-id':'j','device':'disk','top-node':'mid','top':'mid.qcow2'}
        block-commit {'job-id':'j','device':'disk','top-node':'mid','base-node':'top'}
        block-commit {'job-id':'j','device':'disk','top-node':'mid','base-node':'disk'}
        block-commit {'job-id':'j','device':'disk','top-node':'mid','base-node':'mid'}
        block-commit {'job-id':'j','device':'disk','top-node':'base'}
        block-commit {'job-id':'j','device':'disk','top':'zork'}
        block-commit {'job-id':'j','device':'disk','backing-file':'x'}
        block-commit {'device':'disk','top-node':'top'}
        block-commit {'job-id':'1j','device':'disk','top-node':'top'}
        block-commit {'job-id':'j','device':'disk','top-node':'top','speed':-1}
        block-commit {'job-id':'j','device':'disk','top-node':'top','filter-node-name':'mid'}
        block-commit {'job-id':'j','device':'disk','top-node':'top','filter-node-name':'1x'}
        block-commit {'job-id':'j','device':'disk','top-node':'top','on-error':'zork'}
        show base ro
        show disk backing_file
        query-jobs
        """);

    [Theory, MemberData(nameof(Sides))]
    public void NodesOfACommitAreBusy(Side side) => Play(side, Chain + Nodes + """
        $ qemu-img create -q -f qcow2 x.qcow2 4M
        blockdev-add {'driver':'qcow2','node-name':'x','file':{'driver':'file','filename':'x.qcow2'}}
        block-commit {'job-id':'j','device':'disk','top-node':'top','base-node':'base','auto-finalize':false,'filter-node-name':'f'}
        wait BLOCK_JOB_PENDING j
        show f drv ro backing_file_depth
        show base ro
        blockdev-del {'node-name':'mid'}
        blockdev-del {'node-name':'disk'}
        block_resize {'node-name':'base','size':8388608}
        block_resize {'node-name':'mid','size':8388608}
        blockdev-backup {'job-id':'k','device':'base','target':'x','sync':'full'}
        blockdev-snapshot {'node':'base','overlay':'x'}
        blockdev-reopen {'options':[{'driver':'qcow2','node-name':'top','read-only':true,'file':{'driver':'file','filename':'top.qcow2'},'backing':'base'}]}
        blockdev-reopen {'options':[{'driver':'qcow2','node-name':'base','read-only':true,'file':{'driver':'file','filename':'base.qcow2'}}]}
        change-backing-file {'device':'disk','image-node-name':'mid','backing-file':'zork'}
        block-job-complete {'device':'j'}
        job-finalize {'id':'j'}
        wait JOB_STATUS_CHANGE j null
        show f drv
        quit
        exit
        $ qemu-img compare disk.qcow2 -F raw before.raw
        """,
    [
        new(
            "block_resize {'node-name':'base','size':8388608}",
            "GenericError: Device '(null)' is in use",
            "GenericError: Node 'base' is busy: block device is in use by block job: commit",
            "ours says which node, and why"),
        new(
            "block_resize {'node-name':'mid','size':8388608}",
            "GenericError: Device '(null)' is in use",
            "GenericError: Node 'mid' is busy: block device is in use by block job: commit",
            "ours says which node, and why"),
        new(
            "change-backing-file {'device':'disk','image-node-name':'mid','backing-file':'zork'}",
            "GenericError: Need a root block node",
            "GenericError: Node 'mid' is busy: block device is in use by block job: commit",
            "to the peer a disk with a job is no root any more; to ours it is, and the job is named"),
    ]);

    // More than fits in the first step: the speed lets one pass at once.
    [Theory, MemberData(nameof(Sides))]
    public void CancelledCommitsLeaveTheChain(Side side) => Play(side, Chain + """
        $ qemu-io -c 'write -q -P 5 3m 64k' top.qcow2 && qemu-img convert -O raw disk.qcow2 before.raw && qemu-img convert -O raw top.qcow2 top.raw
        """ + "\n" + Nodes + """
        mask len offset
        block-commit {'job-id':'j','device':'disk','top-node':'top','base-node':'base','speed':1}
        block-job-pause {'device':'j'}
        wait JOB_STATUS_CHANGE j paused
        job-resume {'id':'j'}
        wait JOB_STATUS_CHANGE j running
        block-job-cancel {'device':'j'}
        wait JOB_STATUS_CHANGE j null
        show disk backing_file_depth
        show base ro
        block-commit {'job-id':'j','device':'disk','top-node':'top','base-node':'base','auto-finalize':false}
        wait BLOCK_JOB_PENDING j
        job-cancel {'id':'j'}
        wait JOB_STATUS_CHANGE j null
        quit
        exit
        $ qemu-img compare disk.qcow2 -F raw before.raw; qemu-img info disk.qcow2 | grep backing
        $ qemu-img compare top.qcow2 -F raw top.raw
        """);

    [Theory, MemberData(nameof(Sides))]
    public void CommitsChangeAllOverlays(Side side) => Play(side, Chain + """
        $ qemu-img create -q -f qcow2 -b top.qcow2 -F qcow2 other.qcow2 && qemu-io -c 'write -q -P 5 100k 5k' other.qcow2
        $ qemu-img convert -O raw other.qcow2 other.raw
        """ + "\n" + Nodes + """
        blockdev-add {'driver':'qcow2','node-name':'other','read-only':true,'file':{'driver':'file','filename':'other.qcow2'},'backing':'top'}
        block-commit {'job-id':'j','device':'disk','top-node':'top','base-node':'mid'}
        wait JOB_STATUS_CHANGE j null
        show disk backing_file_depth
        show other backing_file_depth ro
        quit
        exit
        $ qemu-img compare disk.qcow2 -F raw before.raw; qemu-img info disk.qcow2 | grep backing
        $ qemu-img compare other.qcow2 -F raw other.raw; qemu-img info other.qcow2 | grep backing
        """);

    [Theory, MemberData(nameof(Sides))]
    public void CommitsMakeTheBaseLonger(Side side) => Play(side, """
        $ qemu-img create -q -f raw base.raw 1000k && qemu-io -f raw -c 'write -q -P 1 0 1000k' base.raw
        $ qemu-img create -q -f qcow2 -b base.raw -F raw mid.qcow2 5M && qemu-io -c 'write -q -P 2 4M 512' mid.qcow2
        $ qemu-img create -q -f qcow2 -b mid.qcow2 -F qcow2 disk.qcow2 6M && qemu-img convert -O raw disk.qcow2 before.raw
        daemon --blockdev qcow2,node-name=disk,file.driver=file,file.filename=disk.qcow2
        block-commit {'job-id':'j','device':'disk','top':'mid.qcow2'}
        wait JOB_STATUS_CHANGE j null
        quit
        exit
        $ qemu-img compare disk.qcow2 -F raw before.raw; qemu-img info disk.qcow2 | grep backing; ls -l base.raw | cut -d' ' -f5
        """);

    // The peer's overlay sees what the base holds behind the end of the layers that are gone.
    [Theory, MemberData(nameof(Sides))]
    public void CommitsOfShortLayersHideTheRestOfTheBase(Side side) => Play(side, """
        $ qemu-img create -q -f qcow2 base.qcow2 4M && qemu-io -c 'write -q -P 1 0 4M' base.qcow2
        $ qemu-img create -q -f qcow2 -b base.qcow2 -F qcow2 mid.qcow2 2M && qemu-img create -q -f qcow2 -b mid.qcow2 -F qcow2 top.qcow2 3M
        $ qemu-img create -q -f qcow2 -b top.qcow2 -F qcow2 disk.qcow2 5M && qemu-img convert -O raw disk.qcow2 before.raw
        daemon --blockdev qcow2,node-name=disk,file.driver=file,file.filename=disk.qcow2
        block-commit {'job-id':'j','device':'disk','top':'top.qcow2'}
        wait JOB_STATUS_CHANGE j null
        quit
        exit
        $ qemu-img compare disk.qcow2 -F raw before.raw | head -1
        """,
    [
        new(
            "$ qemu-img compare disk.qcow2 -F raw before.raw | head -1",
            "| Content mismatch at offset 3145728!",
            "| Images are identical.",
            "ours writes zeroes into the overlay where the base would show through"),
    ]);

    [Theory, MemberData(nameof(Sides))]
    public void CommitErrorsStopTheJob(Side side) => Play(side, Chain + """
        mask len offset
        daemon
        blockdev-add {'driver':'blkdebug','node-name':'debug','image':{'driver':'file','filename':'base.qcow2'},
         'inject-error':[{'event':'write_aio','errno':28,'once':true}]}
        blockdev-add {'driver':'qcow2','node-name':'base','file':'debug'}
        blockdev-add {'driver':'qcow2','node-name':'mid','read-only':true,'file':{'driver':'file','filename':'mid.qcow2'},'backing':'base'}
        blockdev-add {'driver':'qcow2','node-name':'disk','file':{'driver':'file','filename':'disk.qcow2'},'backing':'mid'}
        block-commit {'job-id':'j','device':'disk','top-node':'mid','base-node':'base','on-error':'enospc'}
        wait JOB_STATUS_CHANGE j paused
        query-block-jobs
        job-resume {'id':'j'}
        wait JOB_STATUS_CHANGE j null
        show disk backing_file_depth
        """);

    [Theory, MemberData(nameof(Sides))]
    public void CommitErrorsAreReportedOrIgnored(Side side) => Play(side, Chain + """
        mask len offset
        daemon
        blockdev-add {'driver':'blkdebug','node-name':'debug','image':{'driver':'file','filename':'base.qcow2'},
         'inject-error':[{'event':'write_aio','errno':5,'once':true}]}
        blockdev-add {'driver':'qcow2','node-name':'base','file':'debug'}
        blockdev-add {'driver':'blkdebug','node-name':'debug2','image':{'driver':'file','filename':'mid.qcow2'},'read-only':true,
         'inject-error':[{'event':'read_aio','errno':5,'once':true}]}
        blockdev-add {'driver':'qcow2','node-name':'mid','read-only':true,'file':'debug2','backing':'base'}
        blockdev-add {'driver':'qcow2','node-name':'disk','file':{'driver':'file','filename':'disk.qcow2'},'backing':'mid'}
        block-commit {'job-id':'j','device':'disk','top-node':'mid','base-node':'base'}
        wait JOB_STATUS_CHANGE j null
        show disk backing_file_depth
        block-commit {'job-id':'j','device':'disk','top-node':'mid','base-node':'base','on-error':'ignore'}
        wait JOB_STATUS_CHANGE j null
        show disk backing_file_depth
        """);

    // The peer commits, and the other overlay shows something else.
    [Theory, MemberData(nameof(Sides))]
    public void CommitsThatInvalidateOverlaysAreRefused(Side side) => Play(side, Chain + """
        $ qemu-img create -q -f qcow2 -b base.qcow2 -F qcow2 other.qcow2
        """ + "\n" + Nodes + """
        blockdev-add {'driver':'qcow2','node-name':'other','file':{'driver':'file','filename':'other.qcow2'},'backing':'base'}
        block-commit {'job-id':'j','device':'disk','top-node':'top','base-node':'base','auto-finalize':false}
        """,
    [
        new(
            "block-commit {'job-id':'j','device':'disk','top-node':'top','base-node':'base','auto-finalize':false}",
            "{}\n    ! JOB_STATUS_CHANGE {\"id\":\"j\",\"status\":\"created\"}\n    ! JOB_STATUS_CHANGE {\"id\":\"j\",\"status\":\"running\"}",
            "GenericError: Node 'other' has a backing file that this commit changes, and would show other data: delete the node, stream its backing " +
            "files into it first, or allow that with 'invalidate-overlays'",
            "the peer changes what the other overlay shows without a word"),
    ]);
}
