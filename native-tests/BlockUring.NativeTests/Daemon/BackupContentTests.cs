using Xunit;

namespace BlockUring.NativeTests.Daemon;

/// <summary>What a backup leaves on its target: zeroes that hide something, and lengths that are no whole sectors.</summary>
public sealed class BackupContentTests : DaemonTestBase
{
    [Theory, MemberData(nameof(Sides))]
    public void ZeroesHideWhatTheTargetIsPutOver(Side side) => Play(side, """
        $ qemu-img create -q -f qcow2 base.qcow2 1M && qemu-io -c 'write -q -P 1 0 1M' base.qcow2
        $ qemu-img create -q -f qcow2 -b base.qcow2 -F qcow2 top.qcow2 && qemu-io -c 'write -q -z 128k 64k' -c 'write -q -P 2 256k 64k' top.qcow2
        $ for i in a b; do qemu-img create -q -f qcow2 $i.qcow2 1M; done; truncate -s 64k p.raw
        daemon --blockdev qcow2,node-name=top,file.driver=file,file.filename=top.qcow2 --blockdev file,node-name=p,filename=p.raw
        mask len offset
        blockdev-add {'driver':'qcow2','node-name':'a','file':{'driver':'file','filename':'a.qcow2'}}
        blockdev-add {'driver':'qcow2','node-name':'b','file':{'driver':'file','filename':'b.qcow2'}}
        blockdev-backup {'job-id':'j','device':'top','target':'a','sync':'top'}
        wait JOB_STATUS_CHANGE j null
        block-dirty-bitmap-add {'node':'top','name':'m'}
        blockdev-add {'driver':'raw','node-name':'w','file':'top','offset':524288,'size':65536,'discard':'unmap'}
        blockdev-backup {'job-id':'write','device':'p','target':'w','sync':'full'}
        wait JOB_STATUS_CHANGE write null
        blockdev-backup {'job-id':'j','device':'top','target':'b','sync':'incremental','bitmap':'m'}
        wait JOB_STATUS_CHANGE j null
        quit
        exit
        $ qemu-img rebase -u -b base.qcow2 -F qcow2 a.qcow2 && qemu-img rebase -u -b a.qcow2 -F qcow2 b.qcow2
        $ qemu-io -c 'read -q -P 0 128k 64k' -c 'read -q -P 2 256k 64k' -c 'read -q -P 1 320k 704k' a.qcow2
        $ qemu-img compare top.qcow2 b.qcow2
        """);

    [Theory, MemberData(nameof(Sides))]
    public void LengthsAreWholeSectors(Side side) => Play(side, """
        $ truncate -s 200000 d.raw && qemu-io -f raw -c 'write -q -P 1 0 200000' d.raw && qemu-img create -q -f qcow2 q.qcow2 200000
        $ qemu-img create -q -f raw long.raw 200192 && qemu-io -f raw -c 'write -q -P 9 0 200192' long.raw
        $ cp d.raw short.raw && qemu-img create -q -f raw more.raw 200193
        daemon --blockdev file,node-name=d,filename=d.raw --blockdev qcow2,node-name=q,file.driver=file,file.filename=q.qcow2
        mask len offset
        blockdev-add {'driver':'file','node-name':'long','filename':'long.raw'}
        blockdev-add {'driver':'file','node-name':'short','filename':'short.raw'}
        blockdev-add {'driver':'raw','node-name':'above','file':'short'}
        blockdev-add {'driver':'file','node-name':'more','filename':'more.raw'}
        blockdev-backup {'job-id':'j','device':'d','target':'q','sync':'full'}
        wait JOB_STATUS_CHANGE j null
        blockdev-backup {'job-id':'j','device':'d','target':'long','sync':'full'}
        wait JOB_STATUS_CHANGE j null
        blockdev-backup {'job-id':'j','device':'q','target':'above','sync':'full'}
        wait JOB_STATUS_CHANGE j null
        blockdev-backup {'job-id':'j','device':'d','target':'more','sync':'full'}
        quit
        exit
        $ qemu-img compare d.raw q.qcow2 && qemu-img compare d.raw long.raw && qemu-img compare d.raw short.raw
        $ qemu-io -r -f raw -c 'read -q -P 1 0 200000' -c 'read -q -P 0 200000 192' long.raw
        $ stat -c %s short.raw
        """);
}
