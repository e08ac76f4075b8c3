using System.Diagnostics;
using System.Globalization;
using Xunit;

namespace BlockUring.NativeTests.Daemon;

/// <summary>The command line: both syntaxes, the order of options, what errors say at start, and how the daemon ends.</summary>
public sealed class OptionTests : DaemonTestBase
{
    [Theory, MemberData(nameof(Sides))]
    public void NodesOnTheCommandLine(Side side) => Play(side, """
        $ qemu-img create -q -f qcow2 a.qcow2 1M
        daemon --blockdev driver=file,node-name=f,filename=a.qcow2 --blockdev
         {'driver':'qcow2','node-name':'q','file':'f','discard':'unmap','cache':{'no-flush':true}}
        show q drv cache
        show f drv cache
        daemon --blockdev=qcow2,node-name=q,file.driver=file,file.filename=a.qcow2,file.node-name=f,read-only=on,detect-zeroes=on,cache.no-flush=on
        show q ro cache detect_zeroes
        daemon --object throttle-group,id=g,limits.iops-total=7 --object {'qom-type':'throttle-group','id':'h','limits':{'bps-read':8}}
         --blockdev null-co,node-name=n,size=65536 --blockdev throttle,throttle-group=g,file=n,node-name=t
        mask image
        show n image
        show t drv
        qom-get {'path':'/objects/h','property':'limits'}
        $ printf 1,2 >'a,b' && truncate -s 64K 'a,b'
        daemon --blockdev file,node-name=c,filename=a,,b
        show c file
        """);

    [Theory, MemberData(nameof(Sides))]
    public void BadOptionsEndTheStart(Side side) => Play(side, """
        $ truncate -s 1M a.raw
        start --zork
        start -z
        start zork
        start --blockdev null-co,node-name=n zork
        start --blockdev
        start --blockdev null-co
        start --blockdev zork,node-name=n
        start --blockdev node-name=n
        start --blockdev null-co,node-name=n,zork=1
        start --blockdev null-co,node-name=n,size=x
        start --blockdev null-co,node-name=n,size=64k
        start --blockdev raw,node-name=n,size=1z,file.driver=null-co
        start --blockdev null-co,node-name=n,read-only=maybe
        start --blockdev null-co,node-name=1n
        start --blockdev null-co,node-name=n --blockdev null-co,node-name=n
        start --blockdev file,node-name=n,filename=gone
        start --blockdev qcow2,node-name=n,file=zork
        start --blockdev qcow2,node-name=n,file.driver=file,file.filename=a.raw
        start --blockdev {zork
        start --blockdev {'driver':'null-co','node-name':'n','zork':1}
        start --blockdev {'driver':'null-co'}
        start --blockdev null-co,node-name=n,,
        start --blockdev null-co,node-name
        start --blockdev null-co,cache=1,cache.direct=on,node-name=n
        # Options are taken in order.
        start --blockdev throttle,node-name=t,throttle-group=g,file.driver=null-co --object throttle-group,id=g
        start --monitor chardev=m
        start --monitor m
        start --monitor m,mode=readline
        start --monitor mode=control
        start --chardev zork,id=c
        start --chardev socket,path=x
        start --chardev socket,id=c,path=no/folder/x,server=on,wait=off
        start --chardev null,id=c --chardev null,id=c
        start --object zork,id=o
        start --object throttle-group
        start --object throttle-group,id=g --object throttle-group,id=g
        start --object throttle-group,id=g,zork=1
        start --object throttle-group,id=g,limits.iops-total=x
        start --pidfile no/folder/x
        start --pidfile
        start --nbd-server zork
        start --export zork
        """);

    [Theory, MemberData(nameof(Sides))]
    public void HelpWinsOverEverything(Side side) => Play(side, s =>
    {
        // The text itself is each daemon's own.
        string[] lines =
        [
            "--help", "-h", "--version", "-V", "--blockdev null-co,node-name=n --help", "--object help", "--object throttle-group,help",
        ];
        foreach (var option in lines)
        {
            using var peer = new QmpPeer(DaemonUnderTest.Command(side), s.Folder, option.Split(' '), s.Transcript.ToString);
            var (exitCode, output, error) = peer.WaitForExit();
            s.Transcript.Add($"{option}: exit code {exitCode}, standard error {(error.Length == 0 ? "empty" : error)}");
            foreach (var word in (string[])["Usage: ", " version ", "throttle-group"])
                s.Transcript.Add($"    says '{word}': {output.Contains(word, StringComparison.Ordinal)}");
        }
    });

    [Theory, MemberData(nameof(Sides))]
    public void SignalsEndTheDaemon(Side side) => Play(side, s =>
    {
        foreach (var signal in (string[])["TERM", "INT", "HUP"])
        {
            s.Play($$"""
                $ truncate -s 8M d.raw && truncate -s 8M t.raw
                daemon --blockdev file,node-name=d,filename=d.raw --blockdev file,node-name=t,filename=t.raw
                blockdev-backup {'job-id':'j','device':'d','target':'t','sync':'none'}
                $ kill -{{signal}} $PID
                receive
                exit
                $ ls *.pid
                """);
        }
    });

    [Theory, MemberData(nameof(Sides))]
    public void QuitCancelsJobs(Side side) => Play(side, """
        $ truncate -s 8M d.raw && truncate -s 8M t.raw
        daemon --blockdev file,node-name=d,filename=d.raw --blockdev file,node-name=t,filename=t.raw
        mask len offset
        blockdev-backup {'job-id':'j','device':'d','target':'t','sync':'full','speed':1,'auto-dismiss':false}
        quit
        receive
        exit
        $ ls ready.pid
        """);

    [Theory, MemberData(nameof(Sides))]
    public void PidFilesAreLocked(Side side) => Play(side, """
        daemon
        $ test "$(cat ready.pid)" = $PID && echo same
        start --pidfile ready.pid --blockdev zork
        quit
        exit
        $ ls ready.pid
        """);

    [Theory, MemberData(nameof(Sides))]
    public void DaemonsGoToTheBackground(Side side) => Play(side, s =>
    {
        s.Play("""
            start --daemonize --pidfile back.pid --chardev socket,id=m,path=back.sock,server=on,wait=off --monitor m --blockdev null-co,node-name=n
            # What fails at the start is the caller's to know.
            start --daemonize --pidfile other.pid --blockdev zork,node-name=n
            $ ls *.pid
            """);
        using var background = Process.GetProcessById(int.Parse(File.ReadAllText(Path.Combine(s.Folder, "back.pid")), CultureInfo.InvariantCulture));
        try
        {
            s.Peer.Connect(Path.Combine(s.Folder, "back.sock"));
            s.Transcript.Mask("QMP");
            s.Play("""
                receive
                send {"execute":"qmp_capabilities"}
                receive
                show n drv
                quit
                receive
                $ for i in 1 2 3 4 5 6 7 8 9; do test -e back.pid || break; sleep 0.1; done; ls back.pid
                """);
        }
        finally
        {
            if (!background.HasExited)
                background.Kill();
        }
    });
}
