using BlockUring.NativeTests.Daemon;
using Xunit;

namespace BlockUring.NativeTests.Nbd.Client;

/// <summary>Nodes of the driver "nbd" in the daemon, and jobs to exports: transcripts are QEMU's.</summary>
public sealed class NbdNodeTests : DaemonTestBase
{
    [Theory, MemberData(nameof(Sides))]
    public void NbdNodesAreAdded(Side side) => PlayWithServer(side, """
        daemon
        blockdev-add {'driver':'nbd','node-name':'n','server':{'type':'unix','path':'nbd.sock'}}
        blockdev-add {'driver':'nbd','node-name':'named','server':{'type':'unix','path':'nbd.sock'},'export':'ex','read-only':true}
        blockdev-add {'driver':'raw','node-name':'r','file':'n'}
        blockdev-add {'driver':'nbd','node-name':'x','server':{'type':'unix','path':'gone'}}
        blockdev-add {'driver':'nbd','node-name':'x','server':{'type':'inet','host':'127.0.0.1','port':'1'}}
        blockdev-add {'driver':'nbd','node-name':'x','server':{'type':'inet','host':'127.0.0.1'}}
        blockdev-add {'driver':'nbd','node-name':'x','server':{'type':'unix','path':'nbd.sock'},'tls-creds':'zork'}
        blockdev-add {'driver':'nbd','node-name':'x','server':{'type':'unix','path':'nbd.sock'},'reconnect-delay':-1}
        blockdev-add {'driver':'nbd','node-name':'x','server':'nbd.sock'}
        blockdev-add {'driver':'nbd','node-name':'x'}
        show n drv file ro image
        show named drv file ro image
        show r drv file ro image
        block_resize {'node-name':'n','size':1048576}
        block_resize {'node-name':'n','size':2097152}
        blockdev-del {'node-name':'n'}
        blockdev-del {'node-name':'r'}
        blockdev-del {'node-name':'n'}
        blockdev-del {'node-name':'named'}
        """);

    [Theory, MemberData(nameof(Sides))]
    public void JobsCopyToExports(Side side) => PlayWithServer(side, """
        $ qemu-img create -q -f raw a.raw 1M
        $ qemu-io -f raw -c 'write -q -P 5 64k 128k' a.raw
        daemon
        blockdev-add {'driver':'raw','node-name':'a','file':{'driver':'file','filename':'a.raw'}}
        blockdev-add {'driver':'nbd','node-name':'n','server':{'type':'unix','path':'nbd.sock'}}
        blockdev-mirror {'job-id':'m','device':'a','target':'n','sync':'full'}
        wait BLOCK_JOB_READY
        block-job-cancel {'device':'m'}
        wait BLOCK_JOB_COMPLETED
        wait JOB_STATUS_CHANGE null
        $ qemu-img compare -f raw -F raw a.raw 'nbd+unix:///?socket=nbd.sock'
        $ qemu-io -f raw -c 'write -q -P 6 0 1M' 'nbd+unix:///?socket=nbd.sock'
        blockdev-backup {'job-id':'b','device':'a','target':'n','sync':'full'}
        wait BLOCK_JOB_COMPLETED
        wait JOB_STATUS_CHANGE null
        $ qemu-img compare -f raw -F raw a.raw 'nbd+unix:///?socket=nbd.sock'
        blockdev-del {'node-name':'n'}
        """);

    private static void PlayWithServer(Side side, string script, [System.Runtime.CompilerServices.CallerMemberName] string name = "") =>
        Play(
            side,
            s =>
            {
                using var server = PeerServer.NbdkitAsync(s.Folder, "memory", "1M").GetAwaiter().GetResult();
                s.Play(script);
            },
            name: name);
}
