using Xunit;

namespace BlockUring.NativeTests.Daemon;

/// <summary>Persistent bitmaps from one lifetime of a daemon to the next, and what resizing, snapshots and space have to do with them.</summary>
public sealed class BitmapChainTests : DaemonTestBase
{
    private const string Start = """
        daemon --blockdev qcow2,node-name=d,file.driver=file,file.filename=d.qcow2
        blockdev-add {'driver':'raw','node-name':'p','file':{'driver':'file','filename':'p.raw'}}

        """;

    [Theory, MemberData(nameof(Sides))]
    public void IncrementalBackupsGoOnInTheNextLifetime(Side side) => Play(side, """
        $ qemu-img create -q -f qcow2 d.qcow2 4M && qemu-io -c 'write -q -P 1 0 4M' d.qcow2
        $ truncate -s 64K p.raw && qemu-io -f raw -c 'write -q -P 7 0 64k' p.raw
        $ qemu-img create -q -f qcow2 full.qcow2 4M && qemu-img create -q -f qcow2 -b full.qcow2 -F qcow2 i1.qcow2 && qemu-img create -q -f qcow2 -b i1.qcow2 -F qcow2 i2.qcow2
        """ + "\n" + Start + """
        blockdev-add {'driver':'qcow2','node-name':'full','file':{'driver':'file','filename':'full.qcow2'}}
        transaction {'actions':[{'type':'block-dirty-bitmap-add','data':{'node':'d','name':'b','persistent':true}},
         {'type':'blockdev-backup','data':{'job-id':'full','device':'d','target':'full','sync':'full'}}]}
        wait JOB_STATUS_CHANGE full null
        blockdev-add {'driver':'raw','node-name':'w','file':'d','offset':131072,'size':65536}
        blockdev-backup {'job-id':'write','device':'p','target':'w','sync':'full'}
        wait JOB_STATUS_CHANGE write null
        x-debug-block-dirty-bitmap-sha256 {'node':'d','name':'b'}
        quit
        exit
        """ + "\n" + Start + """
        x-debug-block-dirty-bitmap-sha256 {'node':'d','name':'b'}
        blockdev-add {'driver':'qcow2','node-name':'i1','file':{'driver':'file','filename':'i1.qcow2'}}
        blockdev-backup {'job-id':'i1','device':'d','target':'i1','sync':'incremental','bitmap':'b'}
        wait JOB_STATUS_CHANGE i1 null
        show d dirty-bitmaps
        blockdev-add {'driver':'raw','node-name':'w','file':'d','offset':3145728,'size':65536}
        blockdev-backup {'job-id':'write','device':'p','target':'w','sync':'full'}
        wait JOB_STATUS_CHANGE write null
        quit
        exit
        $ qemu-img check d.qcow2 | head -1; qemu-img map --output=json -f qcow2 i1.qcow2 | grep '"depth": 0' | wc -l
        """ + "\n" + Start + """
        blockdev-add {'driver':'qcow2','node-name':'i2','file':{'driver':'file','filename':'i2.qcow2'}}
        blockdev-backup {'job-id':'i2','device':'d','target':'i2','sync':'incremental','bitmap':'b'}
        wait JOB_STATUS_CHANGE i2 null
        quit
        exit
        $ qemu-img compare d.qcow2 i2.qcow2; qemu-img check d.qcow2 | head -1; qemu-img map --output=json i2.qcow2 | grep '"depth": 0' | wc -l
        daemon --blockdev qcow2,node-name=d,file.driver=file,file.filename=d.qcow2
        show d dirty-bitmaps
        """);

    [Theory, MemberData(nameof(Sides))]
    public void PersistentBitmapsFollowTheDisk(Side side) => Play(side, """
        $ qemu-img create -q -f qcow2 d.qcow2 1M && truncate -s 64K p.raw && qemu-io -f raw -c 'write -q -P 7 0 64k' p.raw
        """ + "\n" + Start + """
        block-dirty-bitmap-add {'node':'d','name':'b','persistent':true,'granularity':4096}
        blockdev-add {'driver':'raw','node-name':'w','file':'d','offset':983040,'size':65536}
        blockdev-backup {'job-id':'write','device':'p','target':'w','sync':'full'}
        wait JOB_STATUS_CHANGE write null
        blockdev-del {'node-name':'w'}
        block_resize {'node-name':'d','size':2097152}
        x-debug-block-dirty-bitmap-sha256 {'node':'d','name':'b'}
        quit
        exit
        """ + "\n" + Start + """
        x-debug-block-dirty-bitmap-sha256 {'node':'d','name':'b'}
        block_resize {'node-name':'d','size':1015808}
        x-debug-block-dirty-bitmap-sha256 {'node':'d','name':'b'}
        blockdev-snapshot-internal-sync {'device':'d','name':'s'}
        blockdev-reopen {'options':[{'driver':'qcow2','node-name':'d','read-only':true,'file':{'driver':'file','filename':'d.qcow2'}}]}
        show d dirty-bitmaps
        blockdev-reopen {'options':[{'driver':'qcow2','node-name':'d','file':{'driver':'file','filename':'d.qcow2'}}]}
        block-dirty-bitmap-clear {'node':'d','name':'b'}
        transaction {'actions':[{'type':'block-dirty-bitmap-remove','data':{'node':'d','name':'b'}},{'type':'abort','data':{}}]}
        show d dirty-bitmaps
        quit
        exit
        $ qemu-img check d.qcow2 | head -1; qemu-img info d.qcow2 | sed -n '/bitmaps/,$p'; qemu-img snapshot -d s d.qcow2; qemu-img check d.qcow2 | head -1
        """ + "\n" + Start + """
        block-dirty-bitmap-remove {'node':'d','name':'b'}
        $ qemu-img info -U d.qcow2 | sed -n '/bitmaps/,$p'
        quit
        exit
        $ qemu-img check d.qcow2 | head -1
        """);

    /// <summary>A program without bitmaps has written the image: what it held of them is gone.</summary>
    [Theory, MemberData(nameof(Sides))]
    public void BitmapsThatOthersHaveMissedAreGone(Side side) => Play(side, """
        $ qemu-img create -q -f qcow2 d.qcow2 1M && qemu-img bitmap --add d.qcow2 b && printf '\0\0\0\0\0\0\0\0' | dd of=d.qcow2 bs=1 seek=88 conv=notrunc 2>/dev/null
        daemon --blockdev qcow2,node-name=d,file.driver=file,file.filename=d.qcow2
        show d dirty-bitmaps
        block-dirty-bitmap-add {'node':'d','name':'b','persistent':true}
        quit
        exit
        $ qemu-img info d.qcow2 | sed -n '/bitmaps/,$p'
        """, [new Difference(
            "exit",
            "err daemon: --blockdev qcow2,node-name=d,file.driver=file,file.filename=d.qcow2: warning: a program lacking bitmap support modified this "
            + "file, so all bitmaps are now considered inconsistent\n    err Some clusters may be leaked, run 'qemu-img check -r' on the image file to fix.\n"
            + "    exit code 0",
            "err daemon: warning: a program lacking bitmap support modified this file, so all bitmaps are now considered inconsistent\n"
            + "    err Some clusters may be leaked, run 'qemu-img check -r' on the image file to fix.\n    exit code 0",
            "Ours names no option that led to a warning.")]);
}
