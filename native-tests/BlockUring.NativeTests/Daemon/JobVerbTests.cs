using Xunit;

namespace BlockUring.NativeTests.Daemon;

/// <summary>The life of a job: every verb in every state, with the words of refusals, and the events of every end.</summary>
public sealed class JobVerbTests : DaemonTestBase
{
    // A job at speed 1 copies its first piece and then waits for days.
    private const string Disk = """
        $ truncate -s 8M d.raw && qemu-io -f raw -c 'write -q -P 1 0 8M' d.raw && truncate -s 8M t.raw
        daemon --blockdev file,node-name=d,filename=d.raw --blockdev file,node-name=t,filename=t.raw
        mask len offset current-progress total-progress busy

        """;

    private const string AllVerbs = """
        job-pause {'id':'j'}
        job-resume {'id':'j'}
        job-complete {'id':'j'}
        job-finalize {'id':'j'}
        job-dismiss {'id':'j'}
        block-job-pause {'device':'j'}
        block-job-resume {'device':'j'}
        block-job-complete {'device':'j'}
        block-job-finalize {'id':'j'}
        block-job-dismiss {'id':'j'}
        block-job-set-speed {'device':'j','speed':0}
        query-jobs
        query-block-jobs

        """;

    [Theory, MemberData(nameof(Sides))]
    public void UnknownJobs(Side side) => Play(side, Disk + AllVerbs + """
        job-cancel {'id':'j'}
        block-job-cancel {'device':'j'}
        block-job-cancel {'device':'j','force':true}
        job-cancel {'id':''}
        block-job-set-speed {'device':'j','speed':-1}
        # The name of a node is not the id of a job.
        blockdev-backup {'job-id':'j','device':'d','target':'t','sync':'none'}
        job-cancel {'id':'d'}
        block-job-cancel {'device':'d'}
        job-cancel {'id':'j'}
        wait JOB_STATUS_CHANGE j null
        """);

    [Theory, MemberData(nameof(Sides))]
    public void EventsComeInOrder(Side side) => Play(side, """
        $ truncate -s 8M d.raw && truncate -s 8M t.raw
        daemon --blockdev file,node-name=d,filename=d.raw --blockdev file,node-name=t,filename=t.raw
        strict
        # Created and running come before the reply, and so do all that a verb causes at once.
        blockdev-backup {'job-id':'j','device':'d','target':'t','sync':'none','auto-dismiss':false}
        job-pause {'id':'j'}
        job-resume {'id':'j'}
        """);

    [Theory, MemberData(nameof(Sides))]
    public void RunningJobs(Side side) => Play(side, Disk + """
        blockdev-backup {'job-id':'j','device':'d','target':'t','sync':'full','speed':1}
        query-jobs
        query-block-jobs
        job-resume {'id':'j'}
        job-complete {'id':'j'}
        job-finalize {'id':'j'}
        job-dismiss {'id':'j'}
        block-job-resume {'device':'j'}
        block-job-complete {'device':'j'}
        block-job-finalize {'id':'j'}
        block-job-dismiss {'id':'j'}
        block-job-set-speed {'device':'j','speed':-1}
        block-job-set-speed {'device':'j','speed':2}
        query-block-jobs
        job-cancel {'id':'j'}
        wait JOB_STATUS_CHANGE j null
        query-jobs
        """);

    [Theory, MemberData(nameof(Sides))]
    public void PausedJobs(Side side) => Play(side, Disk + """
        blockdev-backup {'job-id':'j','device':'d','target':'t','sync':'full','speed':1}
        job-pause {'id':'j'}
        wait JOB_STATUS_CHANGE j paused
        job-pause {'id':'j'}
        block-job-pause {'device':'j'}
        query-jobs
        query-block-jobs
        job-complete {'id':'j'}
        job-finalize {'id':'j'}
        job-dismiss {'id':'j'}
        block-job-set-speed {'device':'j','speed':3}
        query-block-jobs
        block-job-cancel {'device':'j'}
        job-resume {'id':'j'}
        wait JOB_STATUS_CHANGE j running
        job-resume {'id':'j'}
        block-job-pause {'device':'j'}
        wait JOB_STATUS_CHANGE j paused
        block-job-resume {'device':'j'}
        wait JOB_STATUS_CHANGE j running
        block-job-pause {'device':'j'}
        wait JOB_STATUS_CHANGE j paused
        # A forced cancellation ends the pause.
        block-job-cancel {'device':'j','force':true}
        wait JOB_STATUS_CHANGE j null
        blockdev-backup {'job-id':'j','device':'d','target':'t','sync':'full','speed':1}
        job-pause {'id':'j'}
        wait JOB_STATUS_CHANGE j paused
        job-cancel {'id':'j'}
        wait JOB_STATUS_CHANGE j null
        """);

    [Theory, MemberData(nameof(Sides))]
    public void PendingJobs(Side side) => Play(side, Disk + """
        blockdev-backup {'job-id':'j','device':'d','target':'t','sync':'full','auto-finalize':false}
        wait BLOCK_JOB_PENDING j

        """ + string.Join('\n', AllVerbs.Split('\n').Where(v => !v.Contains("finalize", StringComparison.Ordinal))) + """
        job-finalize {'id':'j'}
        wait JOB_STATUS_CHANGE j null
        # Cancelled at the last moment.
        blockdev-backup {'job-id':'j','device':'d','target':'t','sync':'full','auto-finalize':false}
        wait BLOCK_JOB_PENDING j
        block-job-cancel {'device':'j'}
        wait JOB_STATUS_CHANGE j null
        blockdev-backup {'job-id':'j','device':'d','target':'t','sync':'full','auto-finalize':false,'auto-dismiss':false}
        wait BLOCK_JOB_PENDING j
        block-job-finalize {'id':'j'}
        wait JOB_STATUS_CHANGE j concluded
        block-job-dismiss {'id':'j'}
        """);

    [Theory, MemberData(nameof(Sides))]
    public void ConcludedJobs(Side side) => Play(side, Disk + """
        blockdev-backup {'job-id':'j','device':'d','target':'t','sync':'full','auto-dismiss':false}
        wait JOB_STATUS_CHANGE j concluded
        query-jobs
        query-block-jobs
        # Its id is taken, its nodes are free.
        blockdev-backup {'job-id':'j','device':'d','target':'t','sync':'none'}
        blockdev-backup {'job-id':'k','device':'d','target':'t','sync':'none'}
        job-cancel {'id':'k'}
        wait JOB_STATUS_CHANGE k null
        job-pause {'id':'j'}
        job-resume {'id':'j'}
        job-complete {'id':'j'}
        job-finalize {'id':'j'}
        job-cancel {'id':'j'}
        block-job-cancel {'device':'j'}
        block-job-cancel {'device':'j','force':true}
        block-job-set-speed {'device':'j','speed':1}
        job-dismiss {'id':'j'}
        job-dismiss {'id':'j'}
        """);

    [Theory, MemberData(nameof(Sides))]
    public void CancelledJobsConclude(Side side) => Play(side, Disk + """
        blockdev-backup {'job-id':'j','device':'d','target':'t','sync':'full','speed':1,'auto-dismiss':false,'auto-finalize':false}
        job-cancel {'id':'j'}
        wait JOB_STATUS_CHANGE j concluded
        query-jobs
        query-block-jobs
        job-dismiss {'id':'j'}
        blockdev-backup {'job-id':'j','device':'d','target':'t','sync':'none','auto-dismiss':false}
        job-complete {'id':'j'}
        block-job-cancel {'device':'j','force':false}
        wait JOB_STATUS_CHANGE j concluded
        query-jobs
        job-dismiss {'id':'j'}
        """);

    [Theory, MemberData(nameof(Sides))]
    public void SpeedTakesEffectAtOnce(Side side) => Play(side, Disk + """
        blockdev-backup {'job-id':'j','device':'d','target':'t','sync':'full','speed':1}
        block-job-set-speed {'device':'j','speed':1073741824}
        wait JOB_STATUS_CHANGE j null
        blockdev-backup {'job-id':'j','device':'d','target':'t','sync':'full','speed':1}
        job-pause {'id':'j'}
        wait JOB_STATUS_CHANGE j paused
        block-job-set-speed {'device':'j','speed':0}
        query-block-jobs
        job-resume {'id':'j'}
        wait JOB_STATUS_CHANGE j null
        $ qemu-img compare -U -f raw -F raw d.raw t.raw
        """);

    // Ours has its own transcript: the peer's len and offset count whole clusters, ours the bytes that there are.
    [Theory, MemberData(nameof(Sides))]
    public void ProgressIsExact(Side side) => Play(side, """
        $ truncate -s 3000000 d.raw && truncate -s 3000320 t.raw && truncate -s 0 e.raw && truncate -s 0 f.raw
        daemon --blockdev file,node-name=d,filename=d.raw --blockdev file,node-name=t,filename=t.raw
        blockdev-backup {'job-id':'j','device':'d','target':'t','sync':'full','auto-finalize':false,'auto-dismiss':false}
        wait BLOCK_JOB_PENDING j
        query-jobs
        query-block-jobs
        job-finalize {'id':'j'}
        wait JOB_STATUS_CHANGE j concluded
        query-jobs
        job-dismiss {'id':'j'}
        # Nothing to copy.
        blockdev-add {'driver':'file','node-name':'e','filename':'e.raw'}
        blockdev-add {'driver':'file','node-name':'f','filename':'f.raw'}
        blockdev-backup {'job-id':'j','device':'e','target':'f','sync':'full','auto-dismiss':false}
        wait JOB_STATUS_CHANGE j concluded
        query-jobs
        """);
}
