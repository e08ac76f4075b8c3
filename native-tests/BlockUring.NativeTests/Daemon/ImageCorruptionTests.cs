using Xunit;

namespace BlockUring.NativeTests.Daemon;

/// <summary>What a daemon tells of an image whose metadata contradict themselves.</summary>
public sealed class ImageCorruptionTests : DaemonTestBase
{
    // The refcount of the target's L2 table is 0, so that the next cluster that is allocated is that one.
    [Theory, MemberData(nameof(Sides))]
    public void AWriteOnMetadataIsRefusedAndTold(Side side) => Play(side, """
        $ qemu-img create -q -f qcow2 t.qcow2 128k && qemu-io -f qcow2 -c 'write -q 64k 64k' t.qcow2
        $ printf '\0\0' | dd of=t.qcow2 bs=1 seek=131080 conv=notrunc status=none
        $ truncate -s 128k d.raw && qemu-io -f raw -c 'write -q -P 1 0 128k' d.raw
        daemon --blockdev file,node-name=d,filename=d.raw --blockdev file,node-name=f,filename=t.qcow2
        mask len offset size current-progress total-progress busy
        blockdev-add {'driver':'qcow2','node-name':'t','file':'f'}
        blockdev-backup {'job-id':'j','device':'d','target':'t','sync':'full'}
        wait JOB_STATUS_CHANGE j null
        blockdev-del {'node-name':'t'}
        blockdev-add {'driver':'qcow2','node-name':'t','file':'f'}
        """);
}
