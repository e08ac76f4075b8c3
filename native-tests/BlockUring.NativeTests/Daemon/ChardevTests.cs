using System.Net.Sockets;
using System.Text;
using Xunit;

namespace BlockUring.NativeTests.Daemon;

/// <summary>Character devices that come and go while the daemon runs, and what each kind does.</summary>
public sealed class ChardevTests : DaemonTestBase
{
    [Theory, MemberData(nameof(Sides))]
    public void ChardevsComeAndGo(Side side) => Play(side, """
        daemon --chardev ringbuf,id=r,size=64 --chardev memory,id=m --chardev null,id=n,logfile=log --chardev file,id=f,path=out,append=on
        $ mkfifo p.in p.out q
        query-chardev
        chardev-add {'id':'a','backend':{'type':'null','data':{}}}
        chardev-add {'id':'a','backend':{'type':'null','data':{}}}
        chardev-add {'id':'1a','backend':{'type':'null','data':{}}}
        chardev-add {'id':'b','backend':{'type':'null'}}
        chardev-add {'id':'b','backend':{'type':'zork','data':{}}}
        chardev-add {'id':'b','backend':{'type':'null','data':{'zork':1}}}
        chardev-add {'id':'b'}
        chardev-add {'id':'p','backend':{'type':'pipe','data':{'device':'p'}}}
        chardev-add {'id':'q','backend':{'type':'pipe','data':{'device':'q'}}}
        chardev-add {'id':'b','backend':{'type':'pipe','data':{'device':'gone'}}}
        chardev-add {'id':'g','backend':{'type':'file','data':{'out':'out2','in':'out','logfile':'out3'}}}
        chardev-add {'id':'b','backend':{'type':'file','data':{'out':'no/out'}}}
        chardev-add {'id':'b','backend':{'type':'file','data':{'out':'out','in':'gone'}}}
        chardev-add {'id':'b','backend':{'type':'file','data':{'in':'gone'}}}
        chardev-add {'id':'b','backend':{'type':'null','data':{'logfile':'no/log'}}}
        chardev-add {'id':'s','backend':{'type':'stdio','data':{}}}
        chardev-add {'id':'t','backend':{'type':'stdio','data':{}}}
        query-chardev
        $ ls
        chardev-send-break {'id':'a'}
        chardev-send-break {'id':'monitor'}
        chardev-send-break {'id':'zork'}
        chardev-remove {'id':'zork'}
        chardev-remove {'id':'monitor'}
        chardev-remove {'id':'a'}
        chardev-remove {'id':'a'}
        chardev-remove {'id':'s'}
        chardev-add {'id':'a','backend':{'type':'null','data':{}}}
        # Another device takes a name over, unless somebody uses it.
        chardev-change {'id':'zork','backend':{'type':'null','data':{}}}
        chardev-change {'id':'monitor','backend':{'type':'null','data':{}}}
        chardev-change {'id':'a','backend':{'type':'ringbuf','data':{}}}
        chardev-change {'id':'r','backend':{'type':'file','data':{'out':'other'}}}
        query-chardev
        """);

    [Theory, MemberData(nameof(Sides))]
    public void AFailedChangeLeavesTheDevice(Side side) => Play(
        side,
        """
        daemon --chardev ringbuf,id=r
        ringbuf-write {'device':'r','data':'abc'}
        chardev-change {'id':'r','backend':{'type':'file','data':{'out':'no/out'}}}
        ringbuf-read {'device':'r','size':3}
        """,
        [
            new(
                "ringbuf-read {'device':'r','size':3}",
                "GenericError: Device 'r' not found",
                "\"abc\"",
                "What could not be replaced is still there."),
        ]);

    [Theory, MemberData(nameof(Sides))]
    public void RingsKeepTheLastBytes(Side side) => Play(
        side,
        """
        daemon --chardev ringbuf,id=r,size=8 --chardev null,id=n
        ringbuf-write {'device':'r','data':'abcdef'}
        ringbuf-read {'device':'r','size':3}
        ringbuf-write {'device':'r','data':'ghijk'}
        ringbuf-read {'device':'r','size':2}
        ringbuf-write {'device':'r','data':'lmnopqrstuvwxyz'}
        ringbuf-read {'device':'r','size':100}
        ringbuf-read {'device':'r','size':100}
        ringbuf-read {'device':'r','size':0}
        ringbuf-read {'device':'r','size':-1}
        ringbuf-write {'device':'r','data':'YWJjAP8=','format':'base64'}
        ringbuf-read {'device':'r','size':9,'format':'base64'}
        ringbuf-write {'device':'r','data':'YWJjAGQ=','format':'base64'}
        ringbuf-read {'device':'r','size':9}
        ringbuf-write {'device':'r','data':'Y!','format':'base64'}
        ringbuf-write {'device':'r','data':'','format':'base64'}
        ringbuf-write {'device':'r','data':'YQ','format':'zork'}
        ringbuf-write {'device':'r','data':'a€€'}
        ringbuf-read {'device':'r','size':4}
        ringbuf-read {'device':'r','size':4}
        # Half a character.
        ringbuf-write {'device':'r','data':'a€€'}
        ringbuf-read {'device':'r','size':5,'format':'utf8'}
        ringbuf-read {'device':'r','size':8}
        ringbuf-write {'device':'n','data':'x'}
        ringbuf-read {'device':'n','size':1}
        ringbuf-write {'device':'zork','data':'x'}
        ringbuf-read {'device':'zork','size':1}
        ringbuf-read {'device':'r'}
        chardev-add {'id':'a','backend':{'type':'ringbuf','data':{'size':7}}}
        chardev-add {'id':'a','backend':{'type':'ringbuf','data':{'size':-8}}}
        chardev-add {'id':'a','backend':{'type':'memory','data':{'size':0}}}
        chardev-add {'id':'b','backend':{'type':'memory','data':{'size':4}}}
        query-chardev
        ringbuf-write {'device':'b','data':'12345'}
        ringbuf-read {'device':'b','size':5}
        chardev-remove {'id':'b'}
        ringbuf-read {'device':'b','size':5}
        """,
        [
            new(
                "ringbuf-read {'device':'r','size':9}",
                "\"abc\"",
                "\"abc\\u0000d\"",
                "A zero byte does not cut off what comes behind it."),
            new(
                "ringbuf-read {'device':'r','size':5,'format':'utf8'}",
                "\"a€�\"",
                "\"a€\"",
                "Half a character stays for the next read, which gets all of it."),
            new(
                "ringbuf-read {'device':'r','size':8}",
                "\"��\"",
                "\"€\"",
                "The same."),
        ]);

    [Theory, MemberData(nameof(Sides))]
    public void BadChardevsEndTheStart(Side side) => Play(side, """
        start --chardev file,id=x,path=no/x
        start --chardev file,id=x
        start --chardev file,id=x,path=x,append=zork
        start --chardev file,id=x,path=x,zork=1
        start --chardev pipe,id=x
        start --chardev pipe,id=x,path=gone
        start --chardev ringbuf,id=x,size=7
        start --chardev ringbuf,id=x,size=zork
        start --chardev socket,id=x,path=g,server=on,reconnect=1
        start --chardev socket,id=x,path=gone,reconnect=0
        start --chardev socket,id=x,path=gone,reconnect=-1
        start --chardev socket,id=x,path=gone,reconnect=zork
        start --chardev socket,id=x,path=gone,wait=on
        start --chardev socket,id=x,path=gone,wait=off
        start --chardev null,id=x,logfile=no/l
        start --chardev null,id=1x
        start --chardev null,id=x,zork=1
        start --chardev stdio,id=x --chardev stdio,id=y
        start --chardev null,id=y --monitor y --monitor y
        """);

    [Theory, MemberData(nameof(Sides))]
    public void SocketsAreAddedAndRemoved(Side side) => Play(side, s =>
    {
        s.Play("""
            daemon
            mask filename
            chardev-add {'id':'a','backend':{'type':'socket','data':{'addr':{'type':'unix','data':{'path':'gone'}},'server':false}}}
            chardev-add {'id':'a','backend':{'type':'socket','data':{'addr':{'type':'unix','data':{'path':'no/folder'}}}}}
            chardev-add {'id':'a','backend':{'type':'socket','data':{'addr':{'type':'inet','data':{'host':'127.0.0.1','port':'1'}},'server':false}}}
            chardev-add {'id':'a','backend':{'type':'socket','data':{'addr':{'type':'unix','data':{'path':'a'}},'reconnect':1}}}
            chardev-add {'id':'a','backend':{'type':'socket','data':{'addr':{'type':'unix','data':{'path':'a'}},'server':false,'wait':false}}}
            chardev-add {'id':'a','backend':{'type':'socket','data':{'addr':{'type':'unix','data':{}}}}}
            chardev-add {'id':'a','backend':{'type':'socket','data':{'server':false}}}
            chardev-add {'id':'a','backend':{'type':'socket','data':{'addr':{'type':'unix','data':{'path':'a.sock'}},'wait':false}}}
            $ ls
            query-chardev
            chardev-add {'id':'b','backend':{'type':'socket','data':{'addr':{'type':'unix','data':{'path':'a.sock'}},'server':false}}}
            chardev-add {'id':'c','backend':{'type':'socket','data':{'addr':{'type':'unix','data':{'path':'c'}},'server':false,'reconnect':1}}}
            query-chardev
            chardev-change {'id':'b','backend':{'type':'null','data':{}}}
            # The same place again.
            chardev-change {'id':'a','backend':{'type':'socket','data':{'addr':{'type':'unix','data':{'path':'a.sock'}}}}}
            $ ls
            chardev-remove {'id':'c'}
            chardev-remove {'id':'a'}
            $ ls
            """);
    });

    [Theory, MemberData(nameof(Sides))]
    public void MonitorsTalkThroughEveryKindOfDevice(Side side) => Play(side, s =>
    {
        s.Transcript.Mask("QMP");
        s.Play("""
            $ mkfifo p.in p.out
            daemon --chardev ringbuf,id=r --monitor r --chardev file,id=f,path=out --monitor f --chardev pipe,id=p,path=p --monitor p
             --chardev null,id=n --monitor n
            query-chardev
            chardev-remove {'id':'r'}
            chardev-change {'id':'f','backend':{'type':'null','data':{}}}
            ringbuf-read {'device':'r','size':7}
            $ head -c 7 out
            $ exec 3<p.out; head -n 1 <&3 | head -c 7; echo; printf '{"execute":"qmp_capabilities"}{"execute":"query-chardev-zork","id":1}' >p.in; head -n 2 <&3 | tr -d '\r'
            """);
    });

    [Theory, MemberData(nameof(Sides))]
    public void LostConnectionsAreMadeAgain(Side side) => Play(side, s =>
    {
        using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        s.Play("daemon --chardev socket,id=c,path=there.sock,reconnect=1 --monitor c");
        // The first attempt has failed by now, or it succeeds: either way somebody calls soon.
        listener.Bind(new UnixDomainSocketEndPoint(Path.Combine(s.Folder, "there.sock")));
        listener.Listen(1);
        for (var i = 0; i < 2; i++)
        {
            using var caller = listener.Accept();
            var greeting = new byte[7];
            caller.Receive(greeting);
            s.Transcript.Add($"called, and greeted with {Encoding.ASCII.GetString(greeting)}");
        }

        s.Play("chardev-remove {'id':'c'}");
    });
}
