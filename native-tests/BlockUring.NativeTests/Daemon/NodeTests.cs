using Xunit;

namespace BlockUring.NativeTests.Daemon;

/// <summary>Nodes come and go: blockdev-add, blockdev-del, what queries say of them, and who may use what.</summary>
public sealed class NodeTests : DaemonTestBase
{
    [Theory, MemberData(nameof(Sides))]
    public void NodesAreAdded(Side side) => Play(side, """
        $ qemu-img create -q -f raw a.raw 1000000
        $ qemu-img create -q -f qcow2 base.qcow2 3M
        $ qemu-img create -q -f qcow2 -b base.qcow2 -F qcow2 top.qcow2
        $ qemu-img create -q -f qcow2 -b gone.qcow2 -F qcow2 -u orphan.qcow2 1M
        $ qemu-img create -q -f qcow2 base2.qcow2 1M
        $ printf text >tiny
        daemon
        blockdev-add {'driver':'file','node-name':'a-file','filename':'a.raw'}
        blockdev-add {'driver':'raw','node-name':'a','file':'a-file'}
        blockdev-add {'driver':'qcow2','node-name':'top','file':{'driver':'file','filename':'top.qcow2','node-name':'top-file'}}
        # Names.
        blockdev-add {'driver':'null-co','node-name':'a'}
        blockdev-add {'driver':'null-co','node-name':''}
        blockdev-add {'driver':'null-co','node-name':'1a'}
        blockdev-add {'driver':'null-co','node-name':'a b'}
        blockdev-add {'driver':'null-co','node-name':'#a'}
        blockdev-add {'driver':'null-co','node-name':'a1234567890123456789012345678901'}
        blockdev-add {'driver':'null-co','node-name':'a123456789012345678901234567890'}
        blockdev-add {'driver':'null-co','node-name':'A-._9'}
        # What is not there, or is something else.
        blockdev-add {'driver':'file','node-name':'x','filename':'gone'}
        blockdev-add {'driver':'file','node-name':'x','filename':'.'}
        blockdev-add {'driver':'file','node-name':'x','filename':''}
        blockdev-add {'driver':'file','node-name':'x','filename':'a.raw/x'}
        blockdev-add {'driver':'host_device','node-name':'x','filename':'a.raw'}
        blockdev-add {'driver':'qcow2','node-name':'x','file':'zork'}
        blockdev-add {'driver':'qcow2','node-name':'x','file':{'driver':'file','filename':'gone'}}
        blockdev-add {'driver':'qcow2','node-name':'x','file':{'driver':'file','filename':'tiny'}}
        blockdev-add {'driver':'qcow2','node-name':'x','file':{'driver':'null-co','size':65536,'read-zeroes':true}}
        blockdev-add {'driver':'qcow2','node-name':'x','file':{'driver':'file','filename':'orphan.qcow2'}}
        blockdev-add {'driver':'qcow2','node-name':'orphan','file':{'driver':'file','filename':'orphan.qcow2'},'backing':null}
        blockdev-add {'driver':'qcow2','node-name':'x','file':{'driver':'file','filename':'base2.qcow2'},'backing':'zork'}
        blockdev-add {'driver':'raw','node-name':'t','file':{'driver':'file','filename':'tiny'},'offset':8}
        blockdev-add {'driver':'raw','node-name':'x','file':{'driver':'file','filename':'tiny'},'offset':1024}
        blockdev-add {'driver':'raw','node-name':'x','file':{'driver':'null-co','size':1024},'offset':512,'size':1024}
        blockdev-add {'driver':'raw','node-name':'x','file':{'driver':'null-co','size':1024},'offset':512,'size':100}
        blockdev-add {'driver':'raw','node-name':'x','file':{'driver':'null-co','node-name':'a'}}
        # Nothing of what failed is left behind.
        blockdev-del {'node-name':'x'}
        # In use, unknown.
        blockdev-del {'node-name':'a-file'}
        blockdev-del {'node-name':'top-file'}
        blockdev-del {'node-name':'zork'}
        blockdev-del {'node-name':'a'}
        blockdev-del {'node-name':'a-file'}
        blockdev-del {'node-name':'top'}
        # A child that was defined inside its parent goes with it.
        blockdev-del {'node-name':'top-file'}
        """);

    [Theory, MemberData(nameof(Sides))]
    public void ReadOnlyNodes(Side side) => Play(side, """
        $ qemu-img create -q -f raw a.raw 1M
        $ qemu-img create -q -f qcow2 a.qcow2 1M
        daemon
        mask image file iops iops_rd iops_wr bps bps_rd bps_wr encrypted cache
        blockdev-add {'driver':'file','node-name':'ro','filename':'a.raw','read-only':true}
        blockdev-add {'driver':'raw','node-name':'rw-on-ro','file':'ro'}
        blockdev-add {'driver':'raw','node-name':'ro-on-ro','file':'ro','read-only':true}
        blockdev-add {'driver':'raw','node-name':'auto-on-ro','file':'ro','auto-read-only':true}
        blockdev-add {'driver':'qcow2','node-name':'q','file':{'driver':'file','filename':'a.qcow2','read-only':true,'node-name':'q-file'}}
        blockdev-add {'driver':'qcow2','node-name':'q','auto-read-only':true,'file':{'driver':'file','filename':'a.qcow2','read-only':true,
         'node-name':'q-file'}}
        blockdev-del {'node-name':'q'}
        # A child inherits read-only from the parent that defines it.
        blockdev-add {'driver':'qcow2','node-name':'q','read-only':true,'file':{'driver':'file','filename':'a.qcow2','node-name':'q-file'}}
        query-named-block-nodes {'flat':true}
        block_resize {'node-name':'q','size':2097152}
        block_resize {'node-name':'q-file','size':2097152}
        block-dirty-bitmap-add {'node':'q','name':'b'}
        block-dirty-bitmap-add {'node':'q','name':'p','persistent':true}
        """, [NotStored("p")]);

    [Theory, MemberData(nameof(Sides))]
    public void NodesAreDescribed(Side side) => Play(side, """
        $ qemu-img create -q -f raw a.raw 1000000
        $ qemu-img create -q -f qcow2 -o cluster_size=4k base.qcow2 3M
        $ qemu-img create -q -f qcow2 -b base.qcow2 -F qcow2 -o lazy_refcounts=on mid.qcow2
        $ qemu-img create -q -f qcow2 -b mid.qcow2 -F qcow2 top.qcow2
        daemon
        mask actual-size
        blockdev-add {'driver':'raw','node-name':'a','discard':'unmap','detect-zeroes':'unmap','cache':{'direct':false,'no-flush':true},
         'file':{'driver':'file','filename':'a.raw','node-name':'a-file'}}
        query-named-block-nodes
        blockdev-del {'node-name':'a'}
        blockdev-add {'driver':'qcow2','node-name':'top','file':{'driver':'file','filename':'top.qcow2','node-name':'top-file'}}
        query-named-block-nodes {'flat':true}
        query-named-block-nodes {'flat':false}
        query-block
        query-jobs
        query-block-jobs
        query-blockstats {'query-nodes':false}
        """);

    [Theory, MemberData(nameof(Sides))]
    public void PermissionsConflict(Side side) => Play(side, """
        $ qemu-img create -q -f raw a.raw 1M
        $ qemu-img create -q -f qcow2 -b a.raw -F raw b.qcow2
        $ qemu-img create -q -f qcow2 -b a.raw -F raw c.qcow2
        daemon
        blockdev-add {'driver':'file','node-name':'a','filename':'a.raw'}
        # Another open of the same file is another process to the locks.
        blockdev-add {'driver':'file','node-name':'a2','filename':'a.raw'}
        blockdev-add {'driver':'raw','node-name':'r','file':'a'}
        blockdev-add {'driver':'raw','node-name':'r2','file':'a2'}
        blockdev-del {'node-name':'a2'}
        # One file, two formats.
        blockdev-add {'driver':'raw','node-name':'s','file':'a'}
        blockdev-add {'driver':'qcow2','node-name':'b','file':{'driver':'file','filename':'b.qcow2','node-name':'b-file'},'backing':'a'}
        blockdev-add {'driver':'qcow2','node-name':'c','file':{'driver':'file','filename':'c.qcow2','node-name':'c-file'},'backing':'a'}
        blockdev-add {'driver':'qcow2','node-name':'b2','file':'b-file','backing':null}
        # A backing file is not written to.
        block_resize {'node-name':'a','size':2097152}
        block_resize {'node-name':'b','size':2097152}
        block_resize {'node-name':'b-file','size':2097152}
        blockdev-add {'driver':'null-co','node-name':'null','size':1048576}
        blockdev-add {'driver':'null-co','node-name':'null2','size':2097152}
        blockdev-backup {'job-id':'j','device':'null2','target':'b-file','sync':'full'}
        # A target that is the backing file of others, or lies below a node that is.
        blockdev-backup {'job-id':'j','device':'null','target':'a','sync':'full'}
        wait JOB_STATUS_CHANGE j null
        blockdev-backup {'job-id':'j','device':'null','target':'r','sync':'full'}
        wait JOB_STATUS_CHANGE j null
        blockdev-add {'driver':'copy-before-write','node-name':'cbw','file':'a','target':'null'}
        blockdev-add {'driver':'copy-before-write','node-name':'cbw2','file':'a','target':'null'}
        blockdev-add {'driver':'copy-before-write','node-name':'cbw3','file':'null','target':'null'}
        """,
    [
        new(
            "block_resize {'node-name':'a','size':2097152}",
            "GenericError: Device '(null)' is in use",
            "GenericError: Node 'a' is busy: node is used as backing hd of 'b'",
            "it says which node, and by whom"),
    ]);

    [Theory, MemberData(nameof(Sides))]
    public void FilesAreLocked(Side side) => Play(side, """
        $ qemu-img create -q -f qcow2 a.qcow2 1M
        daemon --blockdev qcow2,node-name=a,file.driver=file,file.filename=a.qcow2
        # Others are kept out while the image is in use for writing.
        $ qemu-img info a.qcow2
        $ qemu-io -c 'write 0 64k' a.qcow2
        $ qemu-io -r -U -c 'read 0 64k' a.qcow2 | grep -v ops
        blockdev-add {'driver':'qcow2','node-name':'b','file':{'driver':'file','filename':'a.qcow2'}}
        blockdev-add {'driver':'qcow2','node-name':'b','read-only':true,'file':{'driver':'file','filename':'a.qcow2'}}
        blockdev-add {'driver':'qcow2','node-name':'b','force-share':true,'file':{'driver':'file','filename':'a.qcow2'}}
        blockdev-add {'driver':'qcow2','node-name':'b','read-only':true,'force-share':true,'file':{'driver':'file','filename':'a.qcow2'}}
        blockdev-del {'node-name':'b'}
        blockdev-del {'node-name':'a'}
        $ qemu-io -c 'write -q 0 64k' a.qcow2
        blockdev-add {'driver':'qcow2','node-name':'a','file':{'driver':'file','filename':'a.qcow2','locking':'off'}}
        $ qemu-io -c 'write -q 0 64k' a.qcow2
        """);

    [Theory, MemberData(nameof(Sides))]
    public void ImagesAreResized(Side side) => Play(side, """
        $ qemu-img create -q -f raw a.raw 1000000
        $ qemu-img create -q -f qcow2 a.qcow2 1M
        daemon --blockdev raw,node-name=a,file.driver=file,file.filename=a.raw,file.node-name=af
        blockdev-add {'driver':'qcow2','node-name':'q','file':{'driver':'file','filename':'a.qcow2','node-name':'qf'}}
        blockdev-add {'driver':'null-co','node-name':'n','size':4096}
        block_resize {'node-name':'a','size':0}
        $ stat -c %s a.raw
        block_resize {'node-name':'a','size':12345}
        $ stat -c %s a.raw
        block_resize {'node-name':'af','size':512}
        block_resize {'device':'a','size':1}
        block_resize {'device':'q','node-name':'q','size':1}
        block_resize {'node-name':'zork','size':1}
        block_resize {'node-name':'n','size':1}
        block_resize {'node-name':'q','size':5000000}
        block_resize {'node-name':'q','size':5000192}
        block_resize {'node-name':'q','size':65536}
        block_resize {'node-name':'q','size':0}
        block_resize {'node-name':'q','size':9223372036854775296}
        block_resize {'node-name':'q','size':3145728}
        block-dirty-bitmap-add {'node':'q','name':'p','persistent':true}
        block_resize {'node-name':'q','size':4194304}
        quit
        exit
        $ qemu-img check a.qcow2 | head -1; qemu-img info a.qcow2 | grep virtual
        $ stat -c %s a.raw
        """);

    [Theory, MemberData(nameof(Sides))]
    public void WriteThresholdsFireOnce(Side side) => Play(side, """
        daemon --blockdev null-co,node-name=src,size=1048576
        blockdev-add {'driver':'null-co','node-name':'dst','size':1048576}
        mask amount-exceeded
        block-set-write-threshold {'node-name':'zork','write-threshold':1}
        block-set-write-threshold {'node-name':'dst','write-threshold':524288}
        show dst write_threshold
        blockdev-backup {'job-id':'j','device':'src','target':'dst','sync':'full'}
        wait JOB_STATUS_CHANGE null
        show dst write_threshold
        block-set-write-threshold {'node-name':'dst','write-threshold':524288}
        block-set-write-threshold {'node-name':'dst','write-threshold':0}
        blockdev-backup {'job-id':'j','device':'src','target':'dst','sync':'full'}
        wait JOB_STATUS_CHANGE null
        """);

    private static Difference NotStored(string name) => new(
        $$"""block-dirty-bitmap-add {'node':'q','name':'{{name}}','persistent':true}""",
        "{}",
        $"GenericError: Can't make bitmap '{name}' persistent in 'q': Block node is read-only",
        "A bitmap that would be lost is refused.");
}
