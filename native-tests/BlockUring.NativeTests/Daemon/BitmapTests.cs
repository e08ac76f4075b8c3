using Xunit;

namespace BlockUring.NativeTests.Daemon;

/// <summary>Dirty bitmaps by themselves: every command, every refusal, persistence, and transactions.</summary>
public sealed class BitmapTests : DaemonTestBase
{
    // A 64 KiB writer of data: a backup from p into a window of d that begins at 128 KiB.
    private const string Disk = """
        $ qemu-img create -q -f qcow2 d.qcow2 1M
        $ truncate -s 64K p.raw && qemu-io -f raw -c 'write -q -P 7 0 64k' p.raw
        daemon --blockdev qcow2,node-name=d,file.driver=file,file.filename=d.qcow2
        blockdev-add {'driver':'raw','node-name':'p','file':{'driver':'file','filename':'p.raw'}}
        blockdev-add {'driver':'raw','node-name':'w','file':'d','offset':131072,'size':65536}

        """;

    private const string Write = """

        blockdev-backup {'job-id':'write','device':'p','target':'w','sync':'full'}
        wait JOB_STATUS_CHANGE write null

        """;

    [Theory, MemberData(nameof(Sides))]
    public void BitmapsAreAddedAndRemoved(Side side) => Play(side, Disk + """
        show d dirty-bitmaps
        block-dirty-bitmap-add {'node':'d','name':'a'}
        block-dirty-bitmap-add {'node':'d','name':'b','granularity':512,'disabled':true}
        block-dirty-bitmap-add {'node':'d','name':'c','granularity':67108864}
        show d dirty-bitmaps
        # Refusals.
        block-dirty-bitmap-add {'node':'d','name':'a'}
        block-dirty-bitmap-add {'node':'d','name':''}
        block-dirty-bitmap-add {'node':'zork','name':'x'}
        block-dirty-bitmap-add {'node':'d','name':'x','granularity':0}
        block-dirty-bitmap-add {'node':'d','name':'x','granularity':256}
        block-dirty-bitmap-add {'node':'d','name':'x','granularity':1000}
        block-dirty-bitmap-add {'node':'d','name':'x','granularity':2147483648}
        block-dirty-bitmap-add {'node':'p','name':'x','persistent':true}
        block-dirty-bitmap-add {'node':'d','name':'x','persistent':true,'granularity':2147483648}
        block-dirty-bitmap-remove {'node':'d','name':'zork'}
        block-dirty-bitmap-remove {'node':'zork','name':'a'}
        block-dirty-bitmap-clear {'node':'d','name':'zork'}
        block-dirty-bitmap-enable {'node':'d','name':'zork'}
        block-dirty-bitmap-disable {'node':'d','name':'zork'}
        x-debug-block-dirty-bitmap-sha256 {'node':'d','name':'zork'}
        show d dirty-bitmaps
        # Twice is no error.
        block-dirty-bitmap-enable {'node':'d','name':'a'}
        block-dirty-bitmap-disable {'node':'d','name':'a'}
        block-dirty-bitmap-disable {'node':'d','name':'a'}
        block-dirty-bitmap-remove {'node':'d','name':'b'}
        block-dirty-bitmap-remove {'node':'d','name':'b'}
        show d dirty-bitmaps
        # The default granularity follows the cluster size.
        block-dirty-bitmap-add {'node':'p','name':'p'}
        show p dirty-bitmaps
        """);

    [Theory, MemberData(nameof(Sides))]
    public void BitmapNamesHaveALimit(Side side) => Play(side, s =>
    {
        s.Play(Disk);
        s.Run("block-dirty-bitmap-add", $"{{'node':'d','name':'{new string('a', 1023)}','persistent':true}}");
        s.Run("block-dirty-bitmap-add", $"{{'node':'d','name':'{new string('b', 1024)}','persistent':true}}");
        s.Run("block-dirty-bitmap-add", $"{{'node':'d','name':'{new string('c', 1023)}'}}");
        s.Run("block-dirty-bitmap-add", $"{{'node':'d','name':'{new string('d', 1024)}'}}");
    });

    [Theory, MemberData(nameof(Sides))]
    public void BitmapsRecordWrites(Side side) => Play(side, Disk + """
        block-dirty-bitmap-add {'node':'d','name':'a'}
        block-dirty-bitmap-add {'node':'d','name':'fine','granularity':512}
        block-dirty-bitmap-add {'node':'d','name':'coarse','granularity':1048576}
        block-dirty-bitmap-add {'node':'d','name':'off','disabled':true}
        """ + Write + """
        show d dirty-bitmaps
        x-debug-block-dirty-bitmap-sha256 {'node':'d','name':'a'}
        x-debug-block-dirty-bitmap-sha256 {'node':'d','name':'fine'}
        block-dirty-bitmap-clear {'node':'d','name':'a'}
        block-dirty-bitmap-disable {'node':'d','name':'fine'}
        block-dirty-bitmap-enable {'node':'d','name':'off'}
        show d dirty-bitmaps
        """ + Write + """
        show d dirty-bitmaps
        """);

    [Theory, MemberData(nameof(Sides))]
    public void BitmapsAreMerged(Side side) => Play(side, Disk + """
        blockdev-add {'driver':'null-co','node-name':'other','size':1048576}
        blockdev-add {'driver':'null-co','node-name':'small','size':65536}
        block-dirty-bitmap-add {'node':'d','name':'a'}
        block-dirty-bitmap-add {'node':'d','name':'fine','granularity':4096}
        block-dirty-bitmap-add {'node':'d','name':'sum'}
        block-dirty-bitmap-add {'node':'other','name':'o','granularity':1048576}
        block-dirty-bitmap-add {'node':'small','name':'s'}
        """ + Write + """
        block-dirty-bitmap-merge {'node':'d','target':'sum','bitmaps':['a','fine']}
        block-dirty-bitmap-merge {'node':'other','target':'o','bitmaps':[{'node':'d','name':'fine'}]}
        block-dirty-bitmap-merge {'node':'d','target':'fine','bitmaps':[{'node':'other','name':'o'}]}
        show d dirty-bitmaps
        show other dirty-bitmaps
        # Refusals.
        block-dirty-bitmap-merge {'node':'d','target':'zork','bitmaps':['a']}
        block-dirty-bitmap-merge {'node':'zork','target':'sum','bitmaps':['a']}
        block-dirty-bitmap-merge {'node':'d','target':'sum','bitmaps':['a','zork']}
        block-dirty-bitmap-merge {'node':'d','target':'sum','bitmaps':[{'node':'zork','name':'a'}]}
        block-dirty-bitmap-merge {'node':'d','target':'sum','bitmaps':[{'node':'small','name':'s'}]}
        block-dirty-bitmap-merge {'node':'d','target':'sum','bitmaps':[5]}
        block-dirty-bitmap-merge {'node':'d','target':'sum','bitmaps':['sum']}
        # All sources or none.
        block-dirty-bitmap-clear {'node':'d','name':'sum'}
        block-dirty-bitmap-merge {'node':'d','target':'sum','bitmaps':['a',{'node':'small','name':'s'}]}
        show d dirty-bitmaps
        """);

    [Theory, MemberData(nameof(Sides))]
    public void PersistentBitmapsSurvive(Side side) => Play(side, Disk + """
        block-dirty-bitmap-add {'node':'d','name':'keep','persistent':true}
        block-dirty-bitmap-add {'node':'d','name':'off','persistent':true,'disabled':true,'granularity':4096}
        block-dirty-bitmap-add {'node':'d','name':'gone','persistent':true}
        block-dirty-bitmap-add {'node':'d','name':'transient'}
        """ + Write + """
        block-dirty-bitmap-remove {'node':'d','name':'gone'}
        show d dirty-bitmaps
        quit
        exit
        $ qemu-img check d.qcow2 | head -1
        daemon --blockdev qcow2,node-name=d,file.driver=file,file.filename=d.qcow2
        show d dirty-bitmaps
        # When a bitmap has changed, what the file says of its bitmaps is not to be trusted.
        block-dirty-bitmap-clear {'node':'d','name':'off'}
        $ qemu-img info -U d.qcow2 | sed -n '/bitmaps/,$p'
        blockdev-reopen {'options':[{'driver':'qcow2','node-name':'d','read-only':true,'file':{'driver':'file','filename':'d.qcow2'}}]}
        blockdev-del {'node-name':'d'}
        $ qemu-img info d.qcow2 | sed -n '/bitmaps/,$p'
        blockdev-add {'driver':'qcow2','node-name':'d','read-only':true,'file':{'driver':'file','filename':'d.qcow2'}}
        show d dirty-bitmaps
        block-dirty-bitmap-add {'node':'d','name':'keep'}
        block-dirty-bitmap-clear {'node':'d','name':'keep'}
        block-dirty-bitmap-enable {'node':'d','name':'off'}
        block-dirty-bitmap-disable {'node':'d','name':'keep'}
        block-dirty-bitmap-merge {'node':'d','target':'keep','bitmaps':['off']}
        block-dirty-bitmap-remove {'node':'d','name':'off'}
        show d dirty-bitmaps
        block-dirty-bitmap-add {'node':'d','name':'new','persistent':true}
        """, [new Difference(
            "block-dirty-bitmap-add {'node':'d','name':'new','persistent':true}",
            "{}",
            "GenericError: Can't make bitmap 'new' persistent in 'd': Block node is read-only",
            "A bitmap that would be lost is refused.")]);

    [Theory, MemberData(nameof(Sides))]
    public void InconsistentBitmapsCanOnlyBeRemoved(Side side) => Play(side, Disk + """
        block-dirty-bitmap-add {'node':'d','name':'keep','persistent':true}
        blockdev-del {'node-name':'w'}
        blockdev-del {'node-name':'d'}
        quit
        exit
        daemon --blockdev qcow2,node-name=d,file.driver=file,file.filename=d.qcow2
        block-dirty-bitmap-clear {'node':'d','name':'keep'}
        $ kill -9 $PID
        exit
        daemon --blockdev qcow2,node-name=d,file.driver=file,file.filename=d.qcow2
        show d dirty-bitmaps
        block-dirty-bitmap-add {'node':'d','name':'keep','persistent':true}
        block-dirty-bitmap-add {'node':'d','name':'other'}
        block-dirty-bitmap-clear {'node':'d','name':'keep'}
        block-dirty-bitmap-enable {'node':'d','name':'keep'}
        block-dirty-bitmap-disable {'node':'d','name':'keep'}
        block-dirty-bitmap-merge {'node':'d','target':'keep','bitmaps':['other']}
        block-dirty-bitmap-merge {'node':'d','target':'other','bitmaps':['keep']}
        blockdev-add {'driver':'null-co','node-name':'n','size':1048576}
        blockdev-backup {'job-id':'j','device':'d','target':'n','sync':'incremental','bitmap':'keep'}
        block-dirty-bitmap-remove {'node':'d','name':'keep'}
        show d dirty-bitmaps
        """);

    /// <summary>A crash costs the bitmaps of images that were changed. QEMU loses them in any image that was open for writing.</summary>
    [Theory, MemberData(nameof(Sides))]
    public void BitmapsOfUnchangedImagesSurviveACrash(Side side) => Play(side, Disk + """
        block-dirty-bitmap-add {'node':'d','name':'keep','persistent':true}
        """ + Write + """
        quit
        exit
        daemon --blockdev qcow2,node-name=d,file.driver=file,file.filename=d.qcow2
        $ kill -9 $PID
        exit
        daemon --blockdev qcow2,node-name=d,file.driver=file,file.filename=d.qcow2
        show d dirty-bitmaps
        """, [new Difference(
            "show d dirty-bitmaps",
            "dirty-bitmaps: \n      {\"busy\":false,\"count\":0,\"granularity\":65536,\"inconsistent\":true,\"name\":\"keep\",\"persistent\":true,\"recording\":false}",
            "dirty-bitmaps: \n      {\"busy\":false,\"count\":65536,\"granularity\":65536,\"name\":\"keep\",\"persistent\":true,\"recording\":true}",
            "Bitmaps are marked before the first change, not when the image is opened.")]);

    [Theory, MemberData(nameof(Sides))]
    public void BitmapsInTransactions(Side side) => Play(side, Disk + """
        block-dirty-bitmap-add {'node':'d','name':'a'}
        """ + Write + """
        # All of it.
        transaction {'actions':[{'type':'block-dirty-bitmap-add','data':{'node':'d','name':'b'}},
         {'type':'block-dirty-bitmap-merge','data':{'node':'d','target':'b','bitmaps':['a']}},
         {'type':'block-dirty-bitmap-disable','data':{'node':'d','name':'b'}},{'type':'block-dirty-bitmap-clear','data':{'node':'d','name':'a'}}]}
        show d dirty-bitmaps
        # Or nothing: the actions before the one that fails are undone.
        transaction {'actions':[{'type':'block-dirty-bitmap-clear','data':{'node':'d','name':'b'}},
         {'type':'block-dirty-bitmap-enable','data':{'node':'d','name':'b'}},
         {'type':'block-dirty-bitmap-disable','data':{'node':'d','name':'a'}},
         {'type':'block-dirty-bitmap-add','data':{'node':'d','name':'c'}},
         {'type':'block-dirty-bitmap-merge','data':{'node':'d','target':'a','bitmaps':['b']}},{'type':'abort','data':{}}]}
        show d dirty-bitmaps
        transaction {'actions':[{'type':'block-dirty-bitmap-remove','data':{'node':'d','name':'b'}},{'type':'abort','data':{}}]}
        show d dirty-bitmaps
        transaction {'actions':[{'type':'block-dirty-bitmap-remove','data':{'node':'d','name':'b'}},
         {'type':'block-dirty-bitmap-clear','data':{'node':'d','name':'b'}}]}
        transaction {'actions':[{'type':'block-dirty-bitmap-remove','data':{'node':'d','name':'b'}},
         {'type':'block-dirty-bitmap-add','data':{'node':'d','name':'b'}}]}
        show d dirty-bitmaps
        transaction {'actions':[]}
        transaction {'actions':[{'type':'block-dirty-bitmap-clear','data':{'node':'d','name':'zork'}}]}
        transaction {'actions':[{'type':'block-dirty-bitmap-add','data':{'node':'d','name':'x'}},
         {'type':'block-dirty-bitmap-add','data':{'node':'d','name':'x'}}]}
        transaction {'actions':[{'type':'block-dirty-bitmap-add','data':{'node':'d','name':'x'}}],'properties':{'completion-mode':'grouped'}}
        transaction {'actions':[{'type':'block-dirty-bitmap-clear','data':{'node':'d','name':'a'}}],'properties':{'completion-mode':'grouped'}}
        transaction {'actions':[{'type':'block-dirty-bitmap-add','data':{'node':'d','name':'x'}}],'properties':{'completion-mode':'individual'}}
        transaction {'actions':[{'type':'abort','data':{}}],'properties':{'completion-mode':'grouped'}}
        show d dirty-bitmaps
        """);
}
