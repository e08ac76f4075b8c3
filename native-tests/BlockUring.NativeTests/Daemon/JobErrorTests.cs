using Xunit;

namespace BlockUring.NativeTests.Daemon;

/// <summary>What a job does when the source or the target fails: every policy, with one failure and with lasting ones.</summary>
public sealed class JobErrorTests : DaemonTestBase
{
    // s fails one read and e one write with EIO, f one write with ENOSPC.
    private const string Disk = """
        $ truncate -s 1M d.raw && qemu-io -f raw -c 'write -q -P 1 0 1M' d.raw && truncate -s 1M t.raw
        daemon --blockdev file,node-name=d,filename=d.raw --blockdev file,node-name=t,filename=t.raw
        mask len offset current-progress total-progress busy
        blockdev-add {'driver':'blkdebug','node-name':'s','image':'d','inject-error':[{'event':'none','iotype':'read','errno':5,'once':true}]}
        blockdev-add {'driver':'blkdebug','node-name':'e','image':'t','inject-error':[{'event':'none','iotype':'write','errno':5,'once':true}]}
        blockdev-add {'driver':'blkdebug','node-name':'f','image':'t','inject-error':[{'event':'none','iotype':'write','errno':28,'once':true}]}

        """;

    private const string Same = "\n$ qemu-img compare -U -f raw -F raw d.raw t.raw\n";

    [Theory, MemberData(nameof(Sides))]
    public void ErrorsAreReported(Side side) => Play(side, Disk + """
        blockdev-backup {'job-id':'j','device':'s','target':'t','sync':'full'}
        wait JOB_STATUS_CHANGE j null
        blockdev-backup {'job-id':'j','device':'d','target':'e','sync':'full','on-target-error':'report','auto-dismiss':false}
        wait JOB_STATUS_CHANGE j concluded
        query-jobs
        query-block-jobs
        job-dismiss {'id':'j'}
        blockdev-backup {'job-id':'j','device':'d','target':'f','sync':'full','auto-finalize':false}
        wait JOB_STATUS_CHANGE j null
        """);

    [Theory, MemberData(nameof(Sides))]
    public void ErrorsAreIgnored(Side side) => Play(side, Disk + """
        blockdev-backup {'job-id':'j','device':'s','target':'t','sync':'full','on-source-error':'ignore'}
        wait JOB_STATUS_CHANGE j null
        blockdev-backup {'job-id':'j','device':'d','target':'f','sync':'full','on-target-error':'ignore'}
        wait JOB_STATUS_CHANGE j null
        """ + Same);

    [Theory, MemberData(nameof(Sides))]
    public void ErrorsStopTheJob(Side side) => Play(side, Disk + """
        blockdev-backup {'job-id':'j','device':'s','target':'t','sync':'full','on-source-error':'stop'}
        wait BLOCK_JOB_ERROR j
        wait JOB_STATUS_CHANGE j paused
        query-jobs
        query-block-jobs
        job-pause {'id':'j'}
        block-job-cancel {'device':'j'}
        job-resume {'id':'j'}
        wait JOB_STATUS_CHANGE j null
        blockdev-backup {'job-id':'j','device':'d','target':'f','sync':'full','on-target-error':'stop'}
        wait BLOCK_JOB_ERROR j
        wait JOB_STATUS_CHANGE j paused
        query-block-jobs
        block-job-resume {'device':'j'}
        wait JOB_STATUS_CHANGE j null
        """ + Same);

    [Theory, MemberData(nameof(Sides))]
    public void LackOfSpaceStopsTheJob(Side side) => Play(side, Disk + """
        blockdev-backup {'job-id':'j','device':'d','target':'f','sync':'full','on-target-error':'enospc'}
        wait BLOCK_JOB_ERROR j
        wait JOB_STATUS_CHANGE j paused
        query-block-jobs
        job-resume {'id':'j'}
        wait JOB_STATUS_CHANGE j null
        """ + Same + """
        # Any other error is reported.
        blockdev-backup {'job-id':'j','device':'d','target':'e','sync':'full','on-target-error':'enospc'}
        wait JOB_STATUS_CHANGE j null
        """);

    [Theory, MemberData(nameof(Sides))]
    public void AutoIsEnospc(Side side) => Play(side, Disk + """
        blockdev-backup {'job-id':'j','device':'d','target':'f','sync':'full','on-target-error':'auto'}
        wait BLOCK_JOB_ERROR j
        wait JOB_STATUS_CHANGE j paused
        query-block-jobs
        job-cancel {'id':'j'}
        wait JOB_STATUS_CHANGE j null
        blockdev-backup {'job-id':'j','device':'s','target':'e','sync':'full','on-source-error':'auto','on-target-error':'auto'}
        wait JOB_STATUS_CHANGE j null
        """);

    [Theory, MemberData(nameof(Sides))]
    public void LastingErrorsStopTheJobAgain(Side side) => Play(side, """
        $ truncate -s 64K d.raw && qemu-io -f raw -c 'write -q -P 1 0 64k' d.raw && truncate -s 64K t.raw
        daemon --blockdev file,node-name=d,filename=d.raw --blockdev file,node-name=t,filename=t.raw
        mask len offset current-progress total-progress busy
        blockdev-add {'driver':'blkdebug','node-name':'e','image':'t','inject-error':[{'event':'none','iotype':'write','errno':28}]}
        blockdev-backup {'job-id':'j','device':'d','target':'e','sync':'full','on-target-error':'stop'}
        wait BLOCK_JOB_ERROR j
        wait JOB_STATUS_CHANGE j paused
        job-resume {'id':'j'}
        wait BLOCK_JOB_ERROR j
        wait JOB_STATUS_CHANGE j paused
        query-block-jobs
        block-job-cancel {'device':'j','force':true}
        wait JOB_STATUS_CHANGE j null
        """);

    [Theory, MemberData(nameof(Sides))]
    public void FailedWritersFailTheirOwnJob(Side side) => Play(side, Disk + """
        # Copy-before-write cannot write to the target: the guest's write fails, and the job goes on.
        blockdev-add {'driver':'raw','node-name':'w','file':'d','offset':131072,'size':65536}
        blockdev-add {'driver':'null-co','node-name':'n','size':65536,'read-zeroes':true}
        blockdev-backup {'job-id':'j','device':'d','target':'f','sync':'none'}
        blockdev-backup {'job-id':'write','device':'n','target':'w','sync':'full'}
        wait JOB_STATUS_CHANGE write null
        query-block-jobs
        blockdev-backup {'job-id':'write','device':'n','target':'w','sync':'full'}
        wait JOB_STATUS_CHANGE write null
        job-cancel {'id':'j'}
        wait JOB_STATUS_CHANGE j null
        """);
}
