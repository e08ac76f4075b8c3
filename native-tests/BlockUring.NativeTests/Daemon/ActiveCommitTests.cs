using Xunit;

namespace BlockUring.NativeTests.Daemon;

/// <summary>block-commit of the active layer: a mirror onto a node below.</summary>
public sealed class ActiveCommitTests : DaemonTestBase
{
    private const string Chain = """
        $ qemu-img create -q -f qcow2 base.qcow2 2M && qemu-io -c 'write -q -P 1 0 1M' base.qcow2
        $ qemu-img create -q -f qcow2 -b base.qcow2 -F qcow2 mid.qcow2 && qemu-io -c 'write -q -P 2 512k 64k' mid.qcow2
        $ qemu-img create -q -f qcow2 -b mid.qcow2 -F qcow2 top.qcow2 3M && qemu-io -c 'write -q -P 3 540k 64k' -c 'write -q -z 1M 64k'
         -c 'write -q -P 4 2500k 512' top.qcow2
        $ qemu-img convert -O raw top.qcow2 before.raw
        daemon
        blockdev-add {'driver':'qcow2','node-name':'base','file':{'driver':'file','filename':'base.qcow2'},'read-only':true}
        blockdev-add {'driver':'qcow2','node-name':'mid','file':{'driver':'file','filename':'mid.qcow2'},'read-only':true,'backing':'base'}
        blockdev-add {'driver':'qcow2','node-name':'top','file':{'driver':'file','filename':'top.qcow2'},'backing':'mid'}

        """;

    [Theory, MemberData(nameof(Sides))]
    public void ActiveCommitTakesTheBase(Side side) => Play(side, Chain + """
        block-commit {'job-id':'j','device':'top','base-node':'base'}
        wait BLOCK_JOB_READY j
        query-block-jobs
        job-complete {'id':'j'}
        wait JOB_STATUS_CHANGE j null
        show base ro
        blockdev-del {'node-name':'top'}
        blockdev-del {'node-name':'mid'}
        quit
        exit
        $ qemu-img compare before.raw base.qcow2
        $ qemu-img check base.qcow2 | head -1
        """);

    [Theory, MemberData(nameof(Sides))]
    public void ActiveCommitThatIsCancelled(Side side) => Play(side, Chain + """
        block-commit {'job-id':'j','device':'top','base-node':'mid','filter-node-name':'f'}
        wait BLOCK_JOB_READY j
        show f drv
        block-job-cancel {'device':'j'}
        wait JOB_STATUS_CHANGE j null
        show mid ro
        block-commit {'job-id':'j','device':'top'}
        wait BLOCK_JOB_READY j
        job-cancel {'id':'j'}
        wait JOB_STATUS_CHANGE j null
        show base ro
        quit
        exit
        $ qemu-img compare before.raw top.qcow2
        $ for i in base mid top; do qemu-img check $i.qcow2 | head -1; done
        """,
    [
        new("show mid ro", "ro: false", "ro: true", "ours makes the base again what it was, when it has not taken the disk's place"),
        new("show base ro", "ro: false", "ro: true", "the same"),
    ]);

    [Theory, MemberData(nameof(Sides))]
    public void ActiveCommitRefusesWhatCannotBe(Side side) => Play(side, Chain + """
        block-commit {'job-id':'j','device':'top','base-node':'base','backing-file':'x'}
        block-commit {'job-id':'j','device':'top','base-node':'base','speed':-1}
        block-commit {'job-id':'j','device':'top','base-node':'base','filter-node-name':'1f'}
        show base ro
        block-commit {'job-id':'j','device':'top','base-node':'base'}
        wait BLOCK_JOB_READY j
        blockdev-del {'node-name':'mid'}
        block_resize {'node-name':'base','size':4194304}
        job-cancel {'id':'j'}
        wait JOB_STATUS_CHANGE j null
        """,
    [
        new(
            "block_resize {'node-name':'base','size':4194304}",
            "GenericError: Device '(null)' is in use",
            "GenericError: Node 'base' is busy: block device is in use by block job: commit",
            "the peer names a device, which a node has not; we name the node"),
    ]);
}
