using Xunit;

namespace BlockUring.NativeTests.Daemon;

/// <summary>Overlays: blockdev-snapshot, blockdev-snapshot-sync and change-backing-file.</summary>
public sealed class SnapshotTests : DaemonTestBase
{
    [Theory, MemberData(nameof(Sides))]
    public void OverlaysArePutOnTop(Side side) => Play(side, """
        $ qemu-img create -q -f qcow2 a.qcow2 1M && qemu-io -c 'write -q -P 1 0 1M' a.qcow2
        $ qemu-img create -q -f qcow2 o.qcow2 1M
        $ qemu-img create -q -f qcow2 o2.qcow2 2M
        $ qemu-img create -q -f qcow2 -b a.qcow2 -F qcow2 based.qcow2
        $ truncate -s 1M r.raw
        daemon
        blockdev-add {'driver':'qcow2','node-name':'a','file':{'driver':'file','filename':'a.qcow2'}}
        blockdev-add {'driver':'raw','node-name':'user','file':'a'}
        blockdev-add {'driver':'qcow2','node-name':'o','backing':null,'file':{'driver':'file','filename':'o.qcow2'}}
        blockdev-add {'driver':'qcow2','node-name':'o2','backing':null,'file':{'driver':'file','filename':'o2.qcow2'}}
        blockdev-add {'driver':'raw','node-name':'r','file':{'driver':'file','filename':'r.raw'}}
        blockdev-add {'driver':'copy-on-read','node-name':'cor','file':{'driver':'null-co','size':1048576}}
        blockdev-snapshot {'node':'zork','overlay':'o'}
        blockdev-snapshot {'node':'a','overlay':'zork'}
        blockdev-snapshot {'node':'a','overlay':'r'}
        blockdev-snapshot {'node':'a','overlay':'cor'}
        blockdev-snapshot {'node':'a','overlay':'a'}
        blockdev-snapshot {'node':'a','overlay':'user'}
        blockdev-snapshot {'node':'a','overlay':'o'}
        show o backing_file backing_file_depth ro
        show a ro
        blockdev-snapshot {'node':'a','overlay':'o'}
        blockdev-snapshot {'node':'o','overlay':'a'}
        blockdev-snapshot {'node':'o','overlay':'o2'}
        show o2 backing_file_depth
        show o ro
        blockdev-del {'node-name':'o2'}
        blockdev-del {'node-name':'user'}
        blockdev-del {'node-name':'o2'}
        blockdev-add {'driver':'qcow2','node-name':'based','file':{'driver':'file','filename':'based.qcow2'}}
        blockdev-snapshot {'node':'r','overlay':'based'}
        quit
        exit
        # The headers are left alone.
        $ qemu-img info o.qcow2 | grep backing
        """);

    [Theory, MemberData(nameof(Sides))]
    public void OverlaysAreMade(Side side) => Play(side, """
        $ qemu-img create -q -f qcow2 a.qcow2 1M && qemu-io -c 'write -q -P 1 0 1M' a.qcow2
        $ qemu-img create -q -f qcow2 e.qcow2 1M
        daemon
        blockdev-add {'driver':'qcow2','node-name':'a','file':{'driver':'file','filename':'a.qcow2'}}
        blockdev-add {'driver':'raw','node-name':'user','file':'a'}
        blockdev-snapshot-sync {'node-name':'a','snapshot-file':'s.qcow2'}
        blockdev-snapshot-sync {'snapshot-file':'s.qcow2'}
        blockdev-snapshot-sync {'node-name':'zork','snapshot-file':'s.qcow2','snapshot-node-name':'s'}
        blockdev-snapshot-sync {'node-name':'a','snapshot-file':'s.qcow2','snapshot-node-name':'a'}
        blockdev-snapshot-sync {'node-name':'a','snapshot-file':'s.qcow2','snapshot-node-name':'1s'}
        blockdev-snapshot-sync {'node-name':'a','snapshot-file':'s.qcow2','snapshot-node-name':'s','format':'zork'}
        blockdev-snapshot-sync {'node-name':'a','snapshot-file':'s.qcow2','snapshot-node-name':'s','format':'raw'}
        blockdev-snapshot-sync {'node-name':'a','snapshot-file':'no/folder','snapshot-node-name':'s'}
        blockdev-snapshot-sync {'node-name':'a','snapshot-file':'gone','snapshot-node-name':'s','mode':'existing'}
        blockdev-snapshot-sync {'device':'a','node-name':'a','snapshot-file':'s.qcow2','snapshot-node-name':'s'}
        show s backing_file backing_file_depth ro
        show a ro
        blockdev-snapshot-sync {'node-name':'s','snapshot-file':'e.qcow2','snapshot-node-name':'e','mode':'existing'}
        show e backing_file backing_file_depth
        show s ro
        change-backing-file {'device':'e','image-node-name':'s','backing-file':'x'}
        blockdev-snapshot-internal-sync {'device':'e','name':'i'}
        blockdev-snapshot-delete-internal-sync {'device':'e','name':'i'}
        quit
        exit
        $ qemu-img info s.qcow2 | grep backing; qemu-img info e.qcow2 | grep backing
        """);

    [Theory, MemberData(nameof(Sides))]
    public void HeadersNameOtherBackingFiles(Side side) => Play(side, """
        $ qemu-img create -q -f qcow2 base.qcow2 1M && qemu-img create -q -f qcow2 -b base.qcow2 -F qcow2 mid.qcow2 && qemu-img create -q
         -f qcow2 -b mid.qcow2 -F qcow2 top.qcow2
        daemon
        blockdev-add {'driver':'qcow2','node-name':'top','file':{'driver':'file','filename':'top.qcow2','node-name':'top-file'},
         'backing':{'driver':'qcow2','node-name':'mid','file':{'driver':'file','filename':'mid.qcow2'},'backing':{'driver':'qcow2',
          'node-name':'base','file':{'driver':'file','filename':'base.qcow2'}}}}
        change-backing-file {'device':'zork','image-node-name':'mid','backing-file':'x'}
        change-backing-file {'device':'mid','image-node-name':'mid','backing-file':'x'}
        change-backing-file {'device':'top','image-node-name':'zork','backing-file':'x'}
        change-backing-file {'device':'top','image-node-name':'base','backing-file':'x'}
        change-backing-file {'device':'top','image-node-name':'top-file','backing-file':'x'}
        change-backing-file {'device':'top','image-node-name':'mid','backing-file':'other.qcow2'}
        show mid ro backing_file
        change-backing-file {'device':'top','image-node-name':'top','backing-file':'./mid.qcow2'}
        show top ro
        quit
        exit
        $ for i in top mid; do qemu-img info $i.qcow2 | grep backing; done
        """);

    [Theory, MemberData(nameof(Sides))]
    public void SnapshotsOfSeveralDisks(Side side) => Play(side, """
        $ for i in a b; do qemu-img create -q -f qcow2 $i.qcow2 1M; qemu-img create -q -f qcow2 o$i.qcow2 1M; done
        daemon
        blockdev-add {'driver':'qcow2','node-name':'a','file':{'driver':'file','filename':'a.qcow2'}}
        blockdev-add {'driver':'qcow2','node-name':'b','file':{'driver':'file','filename':'b.qcow2'}}
        blockdev-add {'driver':'qcow2','node-name':'oa','backing':null,'file':{'driver':'file','filename':'oa.qcow2'}}
        blockdev-add {'driver':'qcow2','node-name':'ob','backing':null,'file':{'driver':'file','filename':'ob.qcow2'}}
        transaction {'actions':[{'type':'blockdev-snapshot','data':{'node':'a','overlay':'oa'}},
         {'type':'blockdev-snapshot','data':{'node':'b','overlay':'zork'}}]}
        show oa backing_file
        transaction {'actions':[{'type':'blockdev-snapshot','data':{'node':'a','overlay':'oa'}},{'type':'abort','data':{}}]}
        show oa backing_file
        transaction {'actions':[{'type':'blockdev-snapshot','data':{'node':'a','overlay':'oa'}},
         {'type':'blockdev-snapshot','data':{'node':'b','overlay':'ob'}}],
         'properties':{'completion-mode':'grouped'}}
        transaction {'actions':[{'type':'blockdev-snapshot-sync','data':{'node-name':'a','snapshot-file':'x.qcow2',
         'snapshot-node-name':'x'}}],'properties':{'completion-mode':'grouped'}}
        transaction {'actions':[{'type':'blockdev-snapshot','data':{'node':'a','overlay':'oa'}},
         {'type':'blockdev-snapshot','data':{'node':'b','overlay':'ob'}}]}
        show oa backing_file
        show ob backing_file
        transaction {'actions':[{'type':'blockdev-snapshot-sync','data':{'node-name':'oa','snapshot-file':'x.qcow2',
         'snapshot-node-name':'x'}},{'type':'abort','data':{}}]}
        show x backing_file
        $ ls *.qcow2
        """);

    /// <summary>Snapshots inside images. QEMU's daemon, which has no guest either, calls the time of day the guest's clock.</summary>
    [Theory, MemberData(nameof(Sides))]
    public void InternalSnapshotsAreMade(Side side) => Play(side, """
        $ qemu-img create -q -f qcow2 d.qcow2 1M && qemu-io -c 'write -q -P 1 0 256k' d.qcow2
        $ truncate -s 64K p.raw && qemu-io -f raw -c 'write -q -P 7 0 64k' p.raw
        $ qemu-img create -q -f qcow2 -o data_file=data.raw x.qcow2 1M && qemu-img create -q -f qcow2 -o refcount_bits=1 n.qcow2 1M && qemu-io -c 'write -q 0 64k' n.qcow2
        daemon --blockdev qcow2,node-name=d,file.driver=file,file.filename=d.qcow2,file.node-name=f
        mask actual-size date-sec date-nsec vm-clock-sec vm-clock-nsec
        blockdev-add {'driver':'null-co','node-name':'null'}
        blockdev-add {'driver':'qcow2','node-name':'x','file':{'driver':'file','filename':'x.qcow2'}}
        blockdev-add {'driver':'qcow2','node-name':'n','file':{'driver':'file','filename':'n.qcow2'}}
        blockdev-snapshot-internal-sync {'device':'d','name':'one'}
        blockdev-snapshot-internal-sync {'device':'d','name':'one'}
        blockdev-snapshot-internal-sync {'device':'d','name':''}
        blockdev-snapshot-internal-sync {'device':'null','name':'one'}
        blockdev-snapshot-internal-sync {'device':'zork','name':'one'}
        blockdev-snapshot-internal-sync {'device':'f','name':'one'}
        blockdev-snapshot-internal-sync {'device':'x','name':'one'}
        blockdev-snapshot-internal-sync {'device':'n','name':'one'}
        show d image
        # Between two snapshots the disk changes.
        blockdev-add {'driver':'raw','node-name':'p','file':{'driver':'file','filename':'p.raw'}}
        blockdev-add {'driver':'raw','node-name':'w','file':'d','offset':131072,'size':65536}
        blockdev-backup {'job-id':'write','device':'p','target':'w','sync':'full'}
        wait JOB_STATUS_CHANGE write null
        blockdev-snapshot-internal-sync {'device':'d','name':'two'}
        blockdev-del {'node-name':'w'}
        blockdev-snapshot-internal-sync {'device':'d','name':'two'}
        blockdev-snapshot-delete-internal-sync {'device':'d'}
        blockdev-snapshot-delete-internal-sync {'device':'d','id':'7'}
        blockdev-snapshot-delete-internal-sync {'device':'d','id':'1','name':'two'}
        blockdev-snapshot-delete-internal-sync {'device':'null','name':'two'}
        # All of a transaction or nothing.
        transaction {'actions':[{'type':'blockdev-snapshot-internal-sync','data':{'device':'d','name':'three'}},{'type':'abort','data':{}}]}
        transaction {'actions':[{'type':'blockdev-snapshot-internal-sync','data':{'device':'d','name':'three'}},
         {'type':'blockdev-snapshot-internal-sync','data':{'device':'d','name':'three'}}]}
        transaction {'actions':[{'type':'blockdev-snapshot-internal-sync','data':{'device':'d','name':'three'}}],
         'properties':{'completion-mode':'grouped'}}
        transaction {'actions':[{'type':'blockdev-snapshot-internal-sync','data':{'device':'d','name':'three'}}]}
        blockdev-snapshot-delete-internal-sync {'device':'d','name':'two'}
        blockdev-reopen {'options':[{'driver':'qcow2','node-name':'d','read-only':true,'file':'f'}]}
        blockdev-snapshot-internal-sync {'device':'d','name':'four'}
        quit
        exit
        $ qemu-img check d.qcow2 | head -1; qemu-img snapshot -l d.qcow2 | cut -c1-20
        $ qemu-img convert -l one -O raw d.qcow2 one.raw && qemu-io -f raw -r -c 'read -P 1 0 256k' one.raw | head -1
        $ qemu-img convert -l three -O raw d.qcow2 three.raw && qemu-io -f raw -r -c 'read -P 7 128k 64k' three.raw | head -1
        """);
}
