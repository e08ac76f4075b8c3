using Xunit;

namespace BlockUring.NativeTests.Daemon;

/// <summary>The NBD server and its exports: nbd-server-*, block-export-*, and what clients see of them.</summary>
public sealed class ExportTests : DaemonTestBase
{
    private const string Images = """
        $ qemu-img create -q -f raw r.img 64M
        $ qemu-io -f raw -c 'write -q -P 1 0 1M' -c 'write -q -P 2 3M 4k' -c 'write -q -P 3 40M 8M' r.img
        $ qemu-img create -q -f qcow2 base.qcow2 64M
        $ qemu-io -c 'write -q -P 7 0 4M' -c 'write -q -z 8M 1M' -c 'write -q -P 6 20M 64k' base.qcow2
        $ qemu-img create -q -f qcow2 -b base.qcow2 -F qcow2 top.qcow2
        $ qemu-io -c 'write -q -P 9 1M 1M' -c 'write -q -z 2M 64k' -c 'write -q -P 5 30M 3M' top.qcow2
        $ qemu-img bitmap --add --enable -g 65536 top.qcow2 bm
        $ qemu-io -c 'write -q -P 8 10M 256k' -c 'write -q -P 8 50M 1k' top.qcow2
        daemon --nbd-server addr.type=unix,addr.path=n.sock
         --blockdev file,node-name=rf,filename=r.img,discard=unmap --blockdev raw,node-name=r,file=rf,discard=unmap
         --blockdev qcow2,node-name=t,file.driver=file,file.filename=top.qcow2,discard=unmap
         --export nbd,id=r,node-name=r,name=r,writable=on,description=raw~one
         --export nbd,id=t,node-name=t,name=t,writable=on,bitmaps.0=bm,allocation-depth=on

        """;

    [Theory, MemberData(nameof(Sides))]
    public void ExportsComeAndGo(Side side) => Play(side, """
        $ qemu-img create -q -f raw a.raw 1M
        $ qemu-img create -q -f qcow2 b.qcow2 1M
        $ qemu-img bitmap --add b.qcow2 bm0
        daemon --blockdev file,node-name=fa,filename=a.raw --blockdev raw,node-name=a,file=fa
         --blockdev qcow2,node-name=b,file.driver=file,file.filename=b.qcow2 --blockdev raw,node-name=ro,file=fa,read-only=on
        nbd-server-stop
        query-block-exports
        block-export-add {'type':'nbd','id':'e','node-name':'a'}
        nbd-server-add {'device':'a'}
        nbd-server-remove {'name':'a'}
        block-export-del {'id':'zork'}
        nbd-server-start {'addr':{'type':'unix','data':{'path':'/no/such/folder/n.sock'}}}
        nbd-server-start {'addr':{'type':'fd','data':{'str':'99'}}}
        nbd-server-start {'addr':{'type':'unix','data':{'path':'n.sock'}},'tls-creds':'zork'}
        nbd-server-start {'addr':{'type':'unix','data':{'path':'n.sock'}}}
        nbd-server-start {'addr':{'type':'unix','data':{'path':'other.sock'}}}
        block-export-add {'type':'nbd','id':'e','node-name':'zork'}
        block-export-add {'type':'nbd','id':'1e','node-name':'a'}
        block-export-add {'type':'nbd','id':'e','node-name':'a','name':'e','description':'words','writable':true}
        block-export-add {'type':'nbd','id':'e','node-name':'a','name':'f'}
        block-export-add {'type':'nbd','id':'f','node-name':'a','name':'e'}
        block-export-add {'type':'nbd','id':'f','node-name':'ro','name':'f','writable':true}
        block-export-add {'type':'nbd','id':'g','node-name':'b','name':'g','bitmaps':['zork']}
        block-export-add {'type':'nbd','id':'g','node-name':'b','name':'g','bitmaps':['bm0']}
        block-export-add {'type':'nbd','id':'g','node-name':'b','name':'g','bitmaps':['bm0'],'writable':true,'writethrough':true}
        block-export-add {'type':'nbd','id':'h','node-name':'b','name':'h','bitmaps':['bm0'],'writable':true}
        block-export-add {'type':'nbd','id':'i','node-name':'b','iothread':'io9'}
        query-block-exports
        blockdev-del {'node-name':'a'}
        block-dirty-bitmap-remove {'node':'b','name':'bm0'}
        nbd-server-add {'device':'zork'}
        nbd-server-add {'device':'b','name':'old','bitmap':'zork'}
        nbd-server-add {'device':'b','name':'old','description':'words','writable':true}
        nbd-server-add {'device':'b','name':'old'}
        nbd-server-add {'device':'ro','writable':true}
        $ qemu-nbd --list -k n.sock
        query-block-exports
        nbd-server-remove {'name':'zork'}
        nbd-server-remove {'name':'old'}
        block-export-del {'id':'e'}
        block-export-del {'id':'e'}
        nbd-server-stop
        query-block-exports
        $ test -e n.sock && echo left
        nbd-server-start {'addr':{'type':'unix','data':{'path':'n.sock'}}}
        quit
        exit
        """);

    [Theory, MemberData(nameof(Sides))]
    public void ClientsSeeWhatIsThere(Side side) => Play(side, Images + """
        $ nbdinfo --list --json 'nbd+unix:///?socket=n.sock'
        $ nbdinfo --json 'nbd+unix:///r?socket=n.sock'
        $ nbdinfo 'nbd+unix:///zork?socket=n.sock' >/dev/null 2>&1 || echo refused
        $ nbdinfo --map 'nbd+unix:///r?socket=n.sock'
        $ nbdinfo --map 'nbd+unix:///t?socket=n.sock'
        $ nbdinfo --map=qemu:dirty-bitmap:bm 'nbd+unix:///t?socket=n.sock'
        $ nbdinfo --map=qemu:allocation-depth 'nbd+unix:///t?socket=n.sock'
        $ qemu-img map --output=json 'nbd+unix:///r?socket=n.sock'
        $ qemu-img map --output=json 'nbd+unix:///t?socket=n.sock'
        $ for e in r t; do nbdcopy "nbd+unix:///$e?socket=n.sock" - | md5sum; done
        $ for e in r t; do qemu-img convert -O raw "nbd+unix:///$e?socket=n.sock" $e.conv && md5sum < $e.conv; done
        $ md5sum < r.img
        nbd-server-stop
        quit
        exit
        """);

    [Theory, MemberData(nameof(Sides))]
    public void ClientsWrite(Side side) => Play(side, Images + """
        $ for e in r t; do qemu-io -f raw -c 'write -q -P 65 4M 1M' -c 'read -q -P 65 4M 1M' -c 'write -q -z 4M 512k' -c 'read -q -P 0 4M 512k'
         -c 'write -q -zu 4608k 64k' -c 'discard -q 5M 1M' -c 'flush' -c 'write -q -f -P 3 123 77' -c 'read -q -P 3 123 77'
         -c 'aio_write -q -P 4 7M 16M' -c 'aio_write -q -P 6 25M 31M' -c 'aio_flush' -c 'read -q -P 4 7M 16M' -c 'read -q -P 6 25M 31M'
         "nbd+unix:///$e?socket=n.sock"; done
        $ nbdinfo --map=qemu:dirty-bitmap:bm 'nbd+unix:///t?socket=n.sock'
        $ for e in r t; do nbdcopy "nbd+unix:///$e?socket=n.sock" - | md5sum; done
        $ nbdcopy r.img 'nbd+unix:///t?socket=n.sock' && nbdcopy 'nbd+unix:///t?socket=n.sock' - | cmp - r.img
        $ nbdcopy --flush --connections=4 --requests=64 'nbd+unix:///t?socket=n.sock' 'nbd+unix:///r?socket=n.sock'
        nbd-server-stop
        quit
        exit
        $ qemu-img check -q top.qcow2
        $ qemu-img compare r.img top.qcow2
        """);

    [Theory, MemberData(nameof(Sides))]
    public void ClientsAreCounted(Side side) => Play(side, """
        $ qemu-img create -q -f raw a.raw 1M
        daemon --blockdev file,node-name=a,filename=a.raw --nbd-server addr.type=unix,addr.path=n.sock --export nbd,id=e,node-name=a,writable=on
        $ qemu-io -f raw -c 'write -P 65 0 512' -c 'flush' -c 'sleep 600000' 'nbd+unix:///a?socket=n.sock' >io.out 2>&1 & echo $! >io.pid
        $ until head -c 1 a.raw | grep -q A; do sleep 0.02; done
        block-export-del {'id':'e'}
        block-export-del {'id':'e','mode':'safe'}
        block-export-del {'id':'e','mode':'hard'}
        wait BLOCK_EXPORT_DELETED e
        query-block-exports
        $ kill $(cat io.pid)
        blockdev-del {'node-name':'a'}
        quit
        exit
        """);

    [Theory, MemberData(nameof(Sides))]
    public void TheCommandLineMakesThem(Side side) => Play(side, """
        $ qemu-img create -q -f raw a.raw 1M
        start --nbd-server addr.type=zork
        start --nbd-server addr.type=unix
        start --nbd-server addr.type=unix,addr.path=n.sock,zork=1
        start --nbd-server {'addr':{'type':'unix','path':'/no/such/folder/n.sock'}}
        start --nbd-server addr.type=unix,addr.path=n.sock --nbd-server addr.type=unix,addr.path=m.sock
        start --blockdev file,node-name=a,filename=a.raw --export nbd,id=e,node-name=a
        start --nbd-server addr.type=unix,addr.path=n.sock --export nbd,id=e,node-name=a
        start --nbd-server addr.type=unix,addr.path=n.sock --export nbd,node-name=a
        start --nbd-server addr.type=unix,addr.path=n.sock --export nbd,id=e,node-name=a,zork=on
        daemon --nbd-server {'addr':{'type':'unix','path':'n.sock'},'max-connections':1} --blockdev file,node-name=a,filename=a.raw
         --export {'type':'nbd','id':'e','node-name':'a','writable':true}
        $ qemu-nbd --list -k n.sock
        nbd-server-stop
        quit
        exit
        """);
}
