using Xunit;

namespace BlockUring.NativeTests.Daemon;

/// <summary>block-stream: what each form leaves in the top image, what is refused, and a job's life.</summary>
public sealed class StreamTests : DaemonTestBase
{
    private const string Images = """
        $ qemu-img create -q -f qcow2 base.qcow2 3000320 && qemu-io -c 'write -q -P 1 0 1M' -c 'write -q -P 2 2M 100k' base.qcow2
        $ qemu-img create -q -f qcow2 -b base.qcow2 -F qcow2 a.qcow2 && qemu-io -c 'write -q -P 3 512k 64k' -c 'write -q -z 1600k 64k' a.qcow2
        $ qemu-img create -q -f qcow2 -b a.qcow2 -F qcow2 b.qcow2 && qemu-io -c 'write -q -P 4 64k 128k' -c 'write -q -P 5 2929k 512' b.qcow2
        $ qemu-img create -q -f qcow2 -b b.qcow2 -F qcow2 top.qcow2 && qemu-io -c 'write -q -P 6 128k 64k' top.qcow2 && qemu-img convert top.qcow2 ref.raw

        """;

    private const string Start = """
        daemon --blockdev file,node-name=fbase,filename=base.qcow2 --blockdev qcow2,node-name=base,file=fbase
         --blockdev file,node-name=fa,filename=a.qcow2 --blockdev qcow2,node-name=a,file=fa,backing=base
         --blockdev file,node-name=fb,filename=b.qcow2 --blockdev qcow2,node-name=b,file=fb,backing=a
         --blockdev file,node-name=ftop,filename=top.qcow2 --blockdev qcow2,node-name=top,file=ftop,backing=b

        """;

    private const string Chain = Images + Start;

    // The map without host offsets: start, length, depth, whether it is there, whether it is zero.
    private const string Judge = """

        quit
        exit
        $ qemu-img compare -f raw -F qcow2 ref.raw top.qcow2; qemu-img check top.qcow2 | head -1
        $ qemu-img info top.qcow2 | grep backing
        $ qemu-img map --output=json top.qcow2 | grep -o '"start.*zero": [a-z]*' | awk -F'[ ,]+' '{ k = $6 " " $8 " " $10; if (k == p) n += $4;
         else { if (NR > 1) print s, n, p; s = $2; n = $4; p = k } } END { print s, n, p }'
        """;

    [Theory, MemberData(nameof(Sides))]
    public void StreamTakesTheWholeChain(Side side) => Play(side, Images + """
        daemon --blockdev qcow2,node-name=top,file.driver=file,file.filename=top.qcow2
        block-stream {'job-id':'j','device':'top'}
        wait JOB_STATUS_CHANGE j null
        show top backing_file backing_file_depth
        query-jobs
        """ + Judge);

    [Theory, MemberData(nameof(Sides))]
    public void StreamKeepsABaseNode(Side side) => Play(side, Chain + """
        block-stream {'job-id':'j','device':'top','base-node':'a','filter-node-name':'cor'}
        wait JOB_STATUS_CHANGE j null
        show top backing_file
        """ + Judge);

    [Theory, MemberData(nameof(Sides))]
    public void StreamKeepsABaseFile(Side side) => Play(side, Chain + """
        block-stream {'job-id':'j','device':'top','base':'base.qcow2'}
        wait JOB_STATUS_CHANGE j null
        show top backing_file
        """ + Judge);

    [Theory, MemberData(nameof(Sides))]
    public void StreamTakesAllDownToABottom(Side side) => Play(side, Chain + """
        block-stream {'job-id':'j','device':'top','bottom':'b'}
        wait JOB_STATUS_CHANGE j null
        show top backing_file
        """ + Judge);

    [Theory, MemberData(nameof(Sides))]
    public void StreamWritesTheNameItIsGiven(Side side) => Play(side, Chain + """
        $ ln base.qcow2 other.qcow2
        block-stream {'job-id':'j','device':'top','base-node':'base','backing-file':'other.qcow2'}
        wait JOB_STATUS_CHANGE j null
        show top backing_file
        """ + Judge);

    [Theory, MemberData(nameof(Sides))]
    public void StreamFillsALayerInTheMiddle(Side side) => Play(side, Chain + """
        mask len offset
        $ qemu-img create -q -f qcow2 t.qcow2 3000320
        blockdev-add {'driver':'qcow2','node-name':'t','file':{'driver':'file','filename':'t.qcow2'}}
        blockdev-backup {'job-id':'k','device':'top','target':'t','sync':'full','speed':1}
        block-stream {'job-id':'j','device':'b','base-node':'base'}
        wait JOB_STATUS_CHANGE j null
        block-job-set-speed {'device':'k','speed':0}
        wait JOB_STATUS_CHANGE k null
        show b backing_file ro
        show top backing_file
        quit
        exit
        $ qemu-img compare -f raw -F qcow2 ref.raw top.qcow2; qemu-img compare -f raw -F qcow2 ref.raw t.qcow2; qemu-img check b.qcow2 | head -1
        $ qemu-img info b.qcow2 | grep backing
        """);

    [Theory, MemberData(nameof(Sides))]
    public void StreamOfNothingSucceeds(Side side) => Play(side, Chain + """
        block-stream {'job-id':'j','device':'top','base-node':'b'}
        wait JOB_STATUS_CHANGE j null
        block-stream {'job-id':'j','device':'base'}
        wait JOB_STATUS_CHANGE j null
        """ + Judge);

    [Theory, MemberData(nameof(Sides))]
    public void StreamOverARawBase(Side side) => Play(side, """
        $ qemu-img create -q -f raw base.raw 1000k && qemu-io -f raw -c 'write -q -P 1 0 1000k' -c 'write -q -P 0 64k 64k' base.raw
        $ qemu-img create -q -f qcow2 -b base.raw -F raw a.qcow2 1200k && qemu-io -c 'write -q -P 3 512k 64k' a.qcow2
        $ qemu-img create -q -f qcow2 -b a.qcow2 -F qcow2 top.qcow2 && qemu-img convert top.qcow2 ref.raw
        daemon --blockdev file,node-name=base,filename=base.raw
         --blockdev qcow2,node-name=a,file.driver=file,file.filename=a.qcow2,backing=base
         --blockdev qcow2,node-name=top,file.driver=file,file.filename=top.qcow2,backing=a
        block-stream {'job-id':'j','device':'top','base-node':'base'}
        wait JOB_STATUS_CHANGE j null
        """ + Judge,
    [
        new(
            "    | backing file: base.raw",
            "| backing file format: file",
            "| backing file format: raw",
            "headers name formats; newer peers can be asked to"),
    ]);

    [Theory, MemberData(nameof(Sides))]
    public void StreamRefusesWhatCannotBe(Side side) => Play(side, Chain + """
        blockdev-add {'driver':'null-co','node-name':'n','size':65536}
        blockdev-add {'driver':'throttle','node-name':'f','throttle-group':'g','file':'n'}
        object-add {'qom-type':'throttle-group','id':'g'}
        blockdev-add {'driver':'throttle','node-name':'f','throttle-group':'g','file':'n'}
        block-stream {'job-id':'j','device':'zork'}
        block-stream {'device':'top'}
        block-stream {'job-id':'1','device':'top'}
        block-stream {'job-id':'j','device':'top','base':'base.qcow2','base-node':'base'}
        block-stream {'job-id':'j','device':'top','base':'base.qcow2','bottom':'b'}
        block-stream {'job-id':'j','device':'top','base-node':'base','bottom':'b'}
        block-stream {'job-id':'j','device':'top','base':'zork'}
        block-stream {'job-id':'j','device':'top','base-node':'zork'}
        block-stream {'job-id':'j','device':'top','base-node':'n'}
        block-stream {'job-id':'j','device':'top','base-node':'top'}
        block-stream {'job-id':'j','device':'top','bottom':'zork'}
        block-stream {'job-id':'j','device':'top','bottom':'f'}
        block-stream {'job-id':'j','device':'top','bottom':'n'}
        block-stream {'job-id':'j','device':'top','backing-file':'x'}
        block-stream {'job-id':'j','device':'top','bottom':'b','backing-file':'x'}
        block-stream {'job-id':'j','device':'top','speed':-1}
        block-stream {'job-id':'j','device':'top','on-error':'zork'}
        block-stream {'job-id':'j','device':'top','filter-node-name':'top'}
        block-stream {'job-id':'j','device':'top','filter-node-name':'1f'}
        query-jobs
        # What a running job forbids.
        block-stream {'job-id':'j','device':'top','base-node':'a','auto-finalize':false}
        wait JOB_STATUS_CHANGE j pending
        block-stream {'job-id':'k','device':'top'}
        block-stream {'job-id':'k','device':'b','base-node':'base'}
        block_resize {'node-name':'b','size':4194304}
        blockdev-del {'node-name':'b'}
        change-backing-file {'device':'top','image-node-name':'b','backing-file':'x'}
        # Below the base all is free.
        block-stream {'job-id':'k','device':'a'}
        wait JOB_STATUS_CHANGE k null
        job-cancel {'id':'j'}
        wait JOB_STATUS_CHANGE j null
        """ + Judge,
    [
        new(
            "block_resize {'node-name':'b','size':4194304}",
            "GenericError: Device '(null)' is in use",
            "GenericError: Node 'b' is busy: block device is in use by block job: stream",
            "we say by whom"),
    ]);

    [Theory, MemberData(nameof(Sides))]
    public void StreamsWaitForTheirFinalization(Side side) => Play(side, Chain + """
        block-stream {'job-id':'j','device':'top','base-node':'base','auto-finalize':false,'auto-dismiss':false}
        wait JOB_STATUS_CHANGE j pending
        query-block-jobs
        job-finalize {'id':'j'}
        wait JOB_STATUS_CHANGE j concluded
        query-jobs
        job-dismiss {'id':'j'}
        # Cancelled when all is copied.
        block-stream {'job-id':'j','device':'top','auto-finalize':false}
        wait JOB_STATUS_CHANGE j pending
        job-cancel {'id':'j'}
        wait JOB_STATUS_CHANGE j null
        """ + Judge);

    [Theory, MemberData(nameof(Sides))]
    public void StreamsArePausedAndCancelled(Side side) => Play(side, Chain + """
        mask offset current-progress busy
        block-stream {'job-id':'j','device':'top','base-node':'base','speed':1}
        query-block-jobs
        job-pause {'id':'j'}
        wait JOB_STATUS_CHANGE j paused
        query-jobs
        block-job-cancel {'device':'j'}
        job-resume {'id':'j'}
        wait JOB_STATUS_CHANGE j running
        block-job-cancel {'device':'j'}
        wait JOB_STATUS_CHANGE j null
        block-stream {'job-id':'j','device':'top','base-node':'base','speed':1}
        job-complete {'id':'j'}
        block-job-set-speed {'device':'j','speed':0}
        wait JOB_STATUS_CHANGE j null
        """ + Judge);

    [Theory, MemberData(nameof(Sides))]
    public void StreamMakesAReadOnlyTopWritable(Side side) => Play(side, Images + """
        daemon --blockdev qcow2,node-name=top,read-only=on,file.driver=file,file.filename=top.qcow2
        block-stream {'job-id':'j','device':'top','auto-finalize':false}
        wait JOB_STATUS_CHANGE j pending
        show top ro
        job-finalize {'id':'j'}
        wait JOB_STATUS_CHANGE j null
        show top ro
        """ + Judge);
}
