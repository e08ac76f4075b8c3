using Xunit;

namespace BlockUring.NativeTests.Daemon;

/// <summary>Jobs in transactions: started together, and, where asked for, finished together or not at all.</summary>
public sealed class JobTransactionTests : DaemonTestBase
{
    // The target f of b fails one write; pa is a writer's data, wa and wb are windows to write through.
    private const string Disks = """
        $ for i in a b ta tb; do truncate -s 4M $i.raw; done; for i in a b; do qemu-io -f raw -c 'write -q -P 1 0 4M' $i.raw; done
        $ truncate -s 64K p.raw && qemu-io -f raw -c 'write -q -P 9 0 64k' p.raw
        daemon --blockdev file,node-name=a,filename=a.raw --blockdev file,node-name=b,filename=b.raw
         --blockdev file,node-name=ta,filename=ta.raw --blockdev file,node-name=tb,filename=tb.raw --blockdev file,node-name=p,filename=p.raw
        mask len offset current-progress total-progress
        blockdev-add {'driver':'blkdebug','node-name':'f','image':'tb','inject-error':[{'event':'none','iotype':'write','errno':28,'once':true}]}
        blockdev-add {'driver':'raw','node-name':'wa','file':'a','offset':131072,'size':65536}
        block-dirty-bitmap-add {'node':'a','name':'m'}
        block-dirty-bitmap-add {'node':'b','name':'m'}

        """;

    [Theory, MemberData(nameof(Sides))]
    public void IndividualJobsSucceed(Side side) => Play(side, Disks + """
        transaction {'actions':[{'type':'blockdev-backup','data':{'job-id':'ja','device':'a','target':'ta','sync':'full','speed':1}},
         {'type':'blockdev-backup','data':{'job-id':'jb','device':'b','target':'tb','sync':'none'}},
         {'type':'block-dirty-bitmap-clear','data':{'node':'a','name':'m'}}]}
        query-jobs
        job-cancel {'id':'jb'}
        wait JOB_STATUS_CHANGE jb null
        block-job-set-speed {'device':'ja','speed':0}
        wait JOB_STATUS_CHANGE ja null
        $ qemu-img compare -U -f raw -F raw a.raw ta.raw
        """);

    [Theory, MemberData(nameof(Sides))]
    public void IndividualJobsFailAlone(Side side) => Play(side, Disks + """
        transaction {'actions':[{'type':'blockdev-backup','data':{'job-id':'ja','device':'a','target':'ta','sync':'none'}},
         {'type':'blockdev-backup','data':{'job-id':'jb','device':'b','target':'f','sync':'full'}}]}
        wait JOB_STATUS_CHANGE jb null
        query-jobs
        job-cancel {'id':'ja'}
        wait JOB_STATUS_CHANGE ja null
        """);

    [Theory, MemberData(nameof(Sides))]
    public void GroupedJobsFinishTogether(Side side) => Play(side, Disks + """
        transaction {'properties':{'completion-mode':'grouped'},'actions':[{'type':'blockdev-backup','data':{'job-id':'ja','device':'a',
         'target':'ta','sync':'full'}},
         {'type':'blockdev-backup','data':{'job-id':'jb','device':'b','target':'tb','sync':'full','auto-finalize':false,'speed':1}}]}
        wait JOB_STATUS_CHANGE ja waiting
        query-jobs
        block-job-set-speed {'device':'jb','speed':0}
        wait BLOCK_JOB_PENDING jb
        wait JOB_STATUS_CHANGE ja pending
        query-jobs
        query-block-jobs
        # Either job's finalization is that of both.
        job-finalize {'id':'ja'}
        wait JOB_STATUS_CHANGE ja null
        wait JOB_STATUS_CHANGE jb null
        $ qemu-img compare -U -f raw -F raw a.raw ta.raw && qemu-img compare -U -f raw -F raw b.raw tb.raw
        """);

    [Theory, MemberData(nameof(Sides))]
    public void GroupedJobsFailTogether(Side side) => Play(side, Disks + """
        transaction {'properties':{'completion-mode':'grouped'},'actions':[{'type':'blockdev-backup','data':{'job-id':'ja','device':'a',
         'target':'ta','sync':'none'}},
         {'type':'blockdev-backup','data':{'job-id':'jb','device':'b','target':'f','sync':'full','auto-dismiss':false}}]}
        wait JOB_STATUS_CHANGE jb concluded
        wait JOB_STATUS_CHANGE ja null
        query-jobs
        job-dismiss {'id':'jb'}
        """);

    [Theory, MemberData(nameof(Sides))]
    public void AFinishedMemberFailsWithTheOthers(Side side) => Play(side, Disks + """
        transaction {'properties':{'completion-mode':'grouped'},'actions':[
         {'type':'blockdev-backup','data':{'job-id':'ja','device':'a','target':'ta','sync':'full','bitmap':'m','bitmap-mode':'on-success'}},
         {'type':'blockdev-backup','data':{'job-id':'jb','device':'b','target':'tb','sync':'none'}}]}
        wait JOB_STATUS_CHANGE ja waiting
        query-jobs
        job-finalize {'id':'ja'}
        show a dirty-bitmaps
        job-cancel {'id':'jb'}
        wait JOB_STATUS_CHANGE ja null
        show a dirty-bitmaps
        query-jobs
        """);

    [Theory, MemberData(nameof(Sides))]
    public void GroupedJobsAreCancelledTogether(Side side) => Play(side, Disks + """
        transaction {'properties':{'completion-mode':'grouped'},'actions':[{'type':'blockdev-backup','data':{'job-id':'ja','device':'a',
         'target':'ta','sync':'full','auto-finalize':false}},
         {'type':'blockdev-backup','data':{'job-id':'jb','device':'b','target':'tb','sync':'full','speed':1}}]}
        wait JOB_STATUS_CHANGE ja waiting
        block-job-set-speed {'device':'jb','speed':0}
        wait BLOCK_JOB_PENDING ja
        wait JOB_STATUS_CHANGE jb pending
        block-job-cancel {'device':'jb'}
        wait JOB_STATUS_CHANGE ja null
        query-jobs
        """);

    [Theory, MemberData(nameof(Sides))]
    public void DisksShareOneInstant(Side side) => Play(side, Disks + """
        transaction {'actions':[{'type':'blockdev-backup','data':{'job-id':'ja','device':'a','target':'ta','sync':'none'}},
         {'type':'blockdev-backup','data':{'job-id':'jb','device':'b','target':'tb','sync':'none'}},
         {'type':'block-dirty-bitmap-add','data':{'node':'a','name':'since'}},{'type':'block-dirty-bitmap-clear','data':{'node':'a','name':'m'}}]}
        blockdev-backup {'job-id':'write','device':'p','target':'wa','sync':'full'}
        wait JOB_STATUS_CHANGE write null
        show a dirty-bitmaps
        job-cancel {'id':'ja'}
        wait JOB_STATUS_CHANGE ja null
        job-cancel {'id':'jb'}
        wait JOB_STATUS_CHANGE jb null
        $ qemu-io -r -U -f raw -c 'read -q -P 0 0 128k' -c 'read -q -P 1 128k 64k' -c 'read -q -P 0 192k 3904k' ta.raw
        """);

    [Theory, MemberData(nameof(Sides))]
    public void FailedActionsUndoTheOthers(Side side) => Play(side, Disks + """
        blockdev-backup {'job-id':'write','device':'p','target':'wa','sync':'full'}
        wait JOB_STATUS_CHANGE write null
        transaction {'actions':[{'type':'block-dirty-bitmap-clear','data':{'node':'a','name':'m'}},
         {'type':'blockdev-backup','data':{'job-id':'ja','device':'a','target':'ta','sync':'full'}},{'type':'abort','data':{}}]}
        show a dirty-bitmaps
        query-jobs
        transaction {'actions':[{'type':'blockdev-backup','data':{'job-id':'ja','device':'a','target':'ta','sync':'incremental','bitmap':'m'}},
         {'type':'blockdev-backup','data':{'job-id':'jb','device':'b','target':'zork','sync':'full'}},
         {'type':'block-dirty-bitmap-clear','data':{'node':'b','name':'m'}}]}
        show a dirty-bitmaps
        query-jobs
        transaction {'actions':[{'type':'blockdev-backup','data':{'job-id':'ja','device':'a','target':'ta','sync':'full'}},
         {'type':'blockdev-backup','data':{'job-id':'ja','device':'b','target':'tb','sync':'full'}}]}
        query-jobs
        transaction {'actions':[{'type':'abort','data':{}},{'type':'blockdev-backup','data':{'job-id':'ja','device':'a','target':'ta',
         'sync':'full'}}]}
        transaction {'properties':{'completion-mode':'grouped'},'actions':[{'type':'blockdev-backup','data':{'job-id':'ja','device':'a',
         'target':'ta','sync':'full'}},{'type':'block-dirty-bitmap-clear','data':{'node':'a','name':'m'}}]}
        query-jobs
        # After all that everything is as free as before.
        blockdev-del {'node-name':'wa'}
        blockdev-del {'node-name':'a'}
        blockdev-del {'node-name':'ta'}
        """);
}
