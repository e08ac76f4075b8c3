using Xunit;

namespace BlockUring.NativeTests.Daemon;

/// <summary>blockdev-create and x-blockdev-amend: jobs without events of their own, which somebody has to dismiss.</summary>
public sealed class CreateTests : DaemonTestBase
{
    [Theory, MemberData(nameof(Sides))]
    public void ImagesAreCreated(Side side) => Play(side, """
        daemon
        blockdev-create {'job-id':'f','options':{'driver':'file','filename':'a.raw','size':1000000}}
        wait JOB_STATUS_CHANGE f concluded
        query-jobs
        query-block-jobs
        job-dismiss {'id':'f'}
        query-jobs
        $ stat -c %s a.raw
        blockdev-create {'job-id':'f','options':{'driver':'file','filename':'p.raw','size':65536,'preallocation':'falloc'}}
        wait JOB_STATUS_CHANGE f concluded
        job-dismiss {'id':'f'}
        $ stat -c '%s %b' p.raw
        blockdev-create {'job-id':'f','options':{'driver':'file','filename':'q.qcow2','size':0}}
        wait JOB_STATUS_CHANGE f concluded
        job-dismiss {'id':'f'}
        blockdev-add {'driver':'file','node-name':'q-file','filename':'q.qcow2'}
        blockdev-create {'job-id':'q','options':{'driver':'qcow2','file':'q-file','size':3145728,'cluster-size':4096,'refcount-bits':8,
         'lazy-refcounts':true,'backing-file':'a.raw','backing-fmt':'raw'}}
        wait JOB_STATUS_CHANGE q concluded
        # The id stays taken until the job is dismissed.
        blockdev-create {'job-id':'q','options':{'driver':'qcow2','file':'q-file','size':3145728}}
        job-dismiss {'id':'q'}
        $ qemu-img info -U q.qcow2 | grep -v disk
        # Over an image that is there.
        blockdev-create {'job-id':'q','options':{'driver':'qcow2','file':'q-file','size':1048576,'preallocation':'metadata'}}
        wait JOB_STATUS_CHANGE q concluded
        job-dismiss {'id':'q'}
        blockdev-add {'driver':'qcow2','node-name':'q','file':'q-file'}
        blockdev-create {'job-id':'q','options':{'driver':'qcow2','file':'q-file','size':1048576}}
        wait JOB_STATUS_CHANGE q concluded
        query-jobs
        job-dismiss {'id':'q'}
        blockdev-create {'job-id':'r','options':{'driver':'qcow2','file':{'driver':'file','filename':'a.raw'},'size':1048576}}
        wait JOB_STATUS_CHANGE r concluded
        job-dismiss {'id':'r'}
        quit
        exit
        $ qemu-img check q.qcow2 | head -1
        $ qemu-img check -f qcow2 a.raw | head -1
        """);

    [Theory, MemberData(nameof(Sides))]
    public void FailedCreationIsConcluded(Side side) => Play(side, s =>
    {
        s.Play("""
            $ truncate -s 1M a.raw
            daemon
            blockdev-add {'driver':'file','node-name':'a','filename':'a.raw'}
            blockdev-create {'job-id':'1j','options':{'driver':'file','filename':'x','size':1}}
            blockdev-create {'job-id':'','options':{'driver':'file','filename':'x','size':1}}
            blockdev-create {'job-id':'j','options':{'driver':'raw'}}
            """);
        string[] failing =
        [
            "'driver':'file','filename':'no/such/folder','size':1048576",
            "'driver':'file','filename':'','size':1048576",
            "'driver':'file','filename':'x','size':-1",
            "'driver':'file','filename':'x','size':1,'preallocation':'metadata'",
            "'driver':'qcow2','file':'zork','size':1048576",
            "'driver':'qcow2','file':'a','size':1",
            "'driver':'qcow2','file':'a','size':1000000",
            "'driver':'qcow2','file':'a','size':1048576,'cluster-size':1000",
            "'driver':'qcow2','file':'a','size':1048576,'cluster-size':4194304",
            "'driver':'qcow2','file':'a','size':1048576,'cluster-size':0",
            "'driver':'qcow2','file':'a','size':1048576,'refcount-bits':3",
            "'driver':'qcow2','file':'a','size':1048576,'refcount-bits':128",
            "'driver':'qcow2','file':'a','size':1048576,'version':'v2','refcount-bits':8",
            "'driver':'qcow2','file':'a','size':1048576,'version':'v2','lazy-refcounts':true",
            "'driver':'qcow2','file':'a','size':1048576,'version':'v2','compression-type':'zstd'",
            "'driver':'qcow2','file':'a','size':1048576,'version':'v2','extended-l2':true",
            "'driver':'qcow2','file':'a','size':1048576,'cluster-size':4096,'extended-l2':true",
            "'driver':'qcow2','file':'a','size':1048576,'backing-fmt':'raw'",
            "'driver':'qcow2','file':'a','size':1048576,'backing-file':'b','preallocation':'full'",
            "'driver':'qcow2','file':'a','size':1048576,'data-file-raw':true",
            "'driver':'qcow2','file':'a','size':9223372036854775807",
            "'driver':'qcow2','file':'a','size':9223372036854775296,'cluster-size':512",
        ];
        foreach (var options in failing)
        {
            s.Run("blockdev-create", $"{{'job-id':'j','options':{{{options}}}}}");
            s.Play("wait JOB_STATUS_CHANGE j concluded\nquery-jobs\njob-dismiss {'id':'j'}");
        }
    });

    [Theory, MemberData(nameof(Sides))]
    public void CreationObeysVerbs(Side side) => Play(side, """
        daemon
        blockdev-create {'job-id':'j','options':{'driver':'file','filename':'a.raw','size':1000000}}
        wait JOB_STATUS_CHANGE j concluded
        job-pause {'id':'j'}
        job-resume {'id':'j'}
        job-complete {'id':'j'}
        job-finalize {'id':'j'}
        job-cancel {'id':'j'}
        block-job-cancel {'device':'j'}
        block-job-set-speed {'device':'j','speed':1}
        block-job-pause {'device':'j'}
        block-job-resume {'device':'j'}
        block-job-complete {'device':'j'}
        block-job-finalize {'id':'j'}
        block-job-dismiss {'id':'j'}
        job-dismiss {'id':'j'}
        job-dismiss {'id':'j'}
        """);

    [Theory, MemberData(nameof(Sides))]
    public void ImagesAreAmended(Side side) => Play(side, """
        $ qemu-img create -q -f qcow2 a.qcow2 1M
        daemon --blockdev qcow2,node-name=a,file.driver=file,file.filename=a.qcow2
        blockdev-add {'driver':'null-co','node-name':'n'}
        x-blockdev-amend {'job-id':'j','node-name':'zork','options':{'driver':'qcow2'}}
        x-blockdev-amend {'job-id':'j','node-name':'n','options':{'driver':'qcow2'}}
        x-blockdev-amend {'job-id':'j','node-name':'a','options':{'driver':'zork'}}
        x-blockdev-amend {'job-id':'j','node-name':'a','options':{'driver':'qcow2','version':'v2'}}
        x-blockdev-amend {'job-id':'j','node-name':'a','options':{'driver':'qcow2'}}
        wait JOB_STATUS_CHANGE j concluded
        query-jobs
        job-dismiss {'id':'j'}
        """);
}
