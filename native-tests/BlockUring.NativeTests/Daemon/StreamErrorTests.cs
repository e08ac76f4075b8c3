using Xunit;

namespace BlockUring.NativeTests.Daemon;

/// <summary>What a stream does when a layer cannot be read, or the top not be written: every policy.</summary>
public sealed class StreamErrorTests : DaemonTestBase
{
    // b fails one read of data with EIO, top one write of data with ENOSPC.
    private const string Chain = """
        $ qemu-img create -q -f qcow2 base.qcow2 1M && qemu-io -c 'write -q -P 1 0 1M' base.qcow2
        $ qemu-img create -q -f qcow2 -b base.qcow2 -F qcow2 b.qcow2 && qemu-io -c 'write -q -P 2 0 512k' b.qcow2
        $ qemu-img create -q -f qcow2 -b b.qcow2 -F qcow2 top.qcow2 && qemu-img convert top.qcow2 ref.raw

        """;

    private const string BadReads = Chain + """
        daemon --blockdev file,node-name=fb,filename=b.qcow2 --blockdev file,node-name=ftop,filename=top.qcow2
        mask offset current-progress busy
        blockdev-add {'driver':'blkdebug','node-name':'eb','image':'fb','inject-error':[{'event':'read_aio','iotype':'read','errno':5,'once':true}]}
        blockdev-add {'driver':'qcow2','node-name':'b','file':'eb','read-only':true}
        blockdev-add {'driver':'qcow2','node-name':'top','file':'ftop','backing':'b'}

        """;

    private const string BadWrites = Chain + """
        daemon --blockdev qcow2,node-name=b,read-only=on,file.driver=file,file.filename=b.qcow2 --blockdev file,node-name=ftop,filename=top.qcow2
        mask offset current-progress busy
        blockdev-add {'driver':'blkdebug','node-name':'et','image':'ftop','inject-error':[{'event':'write_aio','iotype':'write','errno':28,'once':true}]}
        blockdev-add {'driver':'qcow2','node-name':'top','file':'et','backing':'b'}

        """;

    private const string Judge = """

        quit
        exit
        $ qemu-img compare -f raw -F qcow2 ref.raw top.qcow2; qemu-img check top.qcow2 | head -1
        $ qemu-img info top.qcow2 | grep backing
        """;

    private static readonly Difference[] Written =
    [
        new(
            "    ! JOB_STATUS_CHANGE {\"id\":\"j\",\"status\":\"running\"}",
            "! BLOCK_JOB_ERROR {\"action\":\"stop\",\"device\":\"j\",\"operation\":\"read\"}",
            "! BLOCK_JOB_ERROR {\"action\":\"stop\",\"device\":\"j\",\"operation\":\"write\"}",
            "the peer calls every failure of a stream one of reading; this was a write"),
    ];

    [Theory, MemberData(nameof(Sides))]
    public void FailedReadsOfAStreamAreReported(Side side) => Play(side, BadReads + """
        block-stream {'job-id':'j','device':'top','auto-dismiss':false}
        wait JOB_STATUS_CHANGE j concluded
        query-jobs
        job-dismiss {'id':'j'}
        """ + Judge);

    [Theory, MemberData(nameof(Sides))]
    public void FailedReadsOfAStreamAreIgnored(Side side) => Play(side, BadReads + """
        block-stream {'job-id':'j','device':'top','on-error':'ignore'}
        wait JOB_STATUS_CHANGE j null
        """ + Judge);

    [Theory, MemberData(nameof(Sides))]
    public void FailedReadsStopAStream(Side side) => Play(side, BadReads + """
        block-stream {'job-id':'j','device':'top','on-error':'stop'}
        wait BLOCK_JOB_ERROR j
        wait JOB_STATUS_CHANGE j paused
        query-block-jobs
        job-resume {'id':'j'}
        wait JOB_STATUS_CHANGE j null
        """ + Judge);

    [Theory, MemberData(nameof(Sides))]
    public void LackOfSpaceStopsAStream(Side side) => Play(side, BadWrites + """
        block-stream {'job-id':'j','device':'top','on-error':'enospc'}
        wait BLOCK_JOB_ERROR j
        wait JOB_STATUS_CHANGE j paused
        query-block-jobs
        job-resume {'id':'j'}
        wait JOB_STATUS_CHANGE j null
        """ + Judge, Written);

    [Theory, MemberData(nameof(Sides))]
    public void StoppedStreamsCanBeCancelled(Side side) => Play(side, BadWrites + """
        block-stream {'job-id':'j','device':'top','on-error':'auto'}
        wait BLOCK_JOB_ERROR j
        wait JOB_STATUS_CHANGE j paused
        job-cancel {'id':'j'}
        wait JOB_STATUS_CHANGE j null
        """ + Judge, Written);
}
