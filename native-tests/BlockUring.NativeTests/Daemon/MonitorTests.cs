using Xunit;

namespace BlockUring.NativeTests.Daemon;

/// <summary>The monitor's protocol: greeting, negotiation, ids, order, and what it makes of input that is no command.</summary>
public sealed class MonitorTests : DaemonTestBase
{
    [Theory, MemberData(nameof(Sides))]
    public void MonitorNegotiates(Side side) => Play(side, s =>
    {
        s.Transcript.Mask("package", "major", "minor", "micro");
        s.Start("");
        s.Play("""
            receive
            # Before the negotiation nothing else works, not even what does not exist.
            send {"execute":"query-version"}
            receive
            send {"execute":"no-such-command","id":1}
            receive
            send {"execute":"qmp_capabilities","arguments":{"enable":["zork"]}}
            receive
            send {"execute":"qmp_capabilities","arguments":{"enable":"oob"}}
            receive
            send {"execute":"qmp_capabilities","arguments":{"zork":1}}
            receive
            send {"exec-oob":"qmp_capabilities"}
            receive
            send {"execute":"qmp_capabilities"}
            receive
            send {"execute":"qmp_capabilities"}
            receive
            send {"execute":"qmp_capabilities","arguments":{"enable":["oob"]}}
            receive
            query-version
            # Out of band was not negotiated.
            send {"exec-oob":"query-version"}
            receive
            """);
        s.Peer.Disconnect();
        s.Peer.Connect(Path.Combine(s.Folder, "monitor.sock"));
        s.Play("""
            # A second client is greeted like the first.
            receive
            send {"execute":"query-version"}
            receive
            send {"execute":"qmp_capabilities","arguments":{"enable":["oob","oob"]}}
            receive
            send {"exec-oob":"query-version","id":7}
            receive
            send {"exec-oob":"no-such-command","id":8}
            receive
            send {"execute":"query-version","exec-oob":"query-version"}
            receive
            send {"exec-oob":1}
            receive
            """);
    });

    [Theory, MemberData(nameof(Sides))]
    public void MonitorEchoesIds(Side side) => Play(side, """
        daemon
        mask qemu package
        send {"execute":"query-version","id":1}
        receive
        send {"execute":"query-version","id":-9223372036854775808}
        receive
        send {"execute":"query-version","id":18446744073709551615}
        receive
        send {"execute":"query-version","id":1.5}
        receive
        send {"execute":"query-version","id":"a\u0041\"\n"}
        receive
        send {"execute":"query-version","id":null}
        receive
        send {"execute":"query-version","id":true}
        receive
        send {"execute":"query-version","id":[1,[],{"b":2,"a":1}]}
        receive
        send {"execute":"query-version","id":{"x":{}}}
        receive
        send {"id":1,"execute":"no-such-command"}
        receive
        send {"id":2,"execute":"query-version","zork":1}
        receive
        send {"id":3,"execute":"query-version","arguments":[]}
        receive
        send {"id":4,"execute":"query-version","arguments":{"a":1}}
        receive
        send {"id":5,"execute":5}
        receive
        send {"id":6}
        receive
        send {"id":7,"execute":"query-version","id":8}
        receive
        """);

    [Theory, MemberData(nameof(Sides))]
    public void MonitorAnswersMalformedInput(Side side) => Play(side, s =>
    {
        s.Play("""
            daemon
            mask qemu package
            probe []
            probe 1
            probe "text"
            probe null
            probe true
            probe -5
            probe 1.5e3
            probe {}
            probe {"execute":null}
            probe {"arguments":{}}
            probe {"execute":"query-version","arguments":null}
            # An error throws away what the parser had; what is left is read anew, and is wrong again.
            probe {zork}
            probe zork
            probe nul
            probe True
            probe {"execute" "query-version"}
            probe {"execute":"query-version",}
            probe {"execute":"query-version"]
            probe {"execute":"query-version" "id":1}
            probe {,}
            probe {1:2}
            probe {"a":[1 2]}
            probe {"a":[1,]}
            probe [[1,2],]
            probe }
            probe ]
            probe :
            probe ,
            probe {"a":01}
            probe {"a":+1}
            probe {"a":1.}
            probe {"a":.5}
            probe {"a":1e}
            probe {"a":-}
            probe {"a":99999999999999999999999999}
            probe {"a":1e999}
            probe {"a":"\x"}
            probe {"a":"\ud800"}
            probe {"a":"\u12"}
            probe {"a":"\u0000"}
            probe {"execute":"query-version","id":"\ud83d\ude00"}
            probe {"execute":"query-version","id":"\/\b\f\t"}
            # An apostrophe quotes as well as a quotation mark, and a percent sign is no value.
            probe {'execute':'query-version','id':'it"s'}
            probe {"execute":"query-version","id":%d}
            probe {"execute":"query-version","id":"%d"}
            probe {"execute":"zork\n\"zork\""}
            # Blanks, tabs and line ends mean nothing between tokens; several commands may share a line.
            """);
        s.Peer.Send("  {\t\"execute\"\r\n:\n\"query-version\"}{\"execute\":\"query-version\",\"id\":2}\n");
        s.Play("receive\nreceive\n# A byte 0xFF throws away what came before it.");
        s.Peer.Send([.. "{\"execute\":[\"qu"u8, 0xff]);
        s.Play("probe");
        s.Peer.Send([.. "{\"execute\":[1,"u8, 0xff]);
        s.Play("probe\n# Overlong and broken UTF-8.");
        s.Peer.Send([.. "{\"execute\":\"query-version\",\"id\":\""u8, 0xc0, 0x80, .. "\"}"u8]);
        s.Play("probe");
        s.Peer.Send([.. "{\"execute\":\"query-version\",\"id\":\""u8, 0xe4, .. "\"}"u8]);
        s.Play("probe\n# A control character in a string.");
        s.Peer.Send("{\"execute\":\"query-version\",\"id\":\"a\u0001b\"}");
        s.Play("probe\n# Nesting has a limit.");
        s.Peer.Send(new string('[', 1024) + new string(']', 1024));
        s.Play("probe");
        s.Peer.Send(new string('[', 1025));
        s.Play("probe");
    });

    [Theory, MemberData(nameof(Sides))]
    public void MonitorAnswersInOrder(Side side) => Play(side, s =>
    {
        s.Play("daemon");
        s.Peer.Send(string.Concat(Enumerable.Range(0, 40).Select(i =>
            $$"""{"execute":"blockdev-add","arguments":{"driver":"null-co","node-name":"n{{i}}"},"id":{{i}}}""" +
            $$"""{"execute":"blockdev-del","arguments":{"node-name":"n{{i}}"},"id":"del{{i}}"}""")));
        for (var i = 0; i < 80; i++)
            s.Receive();
    });

    [Theory, MemberData(nameof(Sides))]
    public void MonitorEndsWithQuit(Side side) => Play(side, """
        daemon --blockdev null-co,node-name=n
        send {"execute":"quit","id":"bye"}
        receive
        receive
        exit
        """);

    [Theory, MemberData(nameof(Sides))]
    public void MonitorAnswersPretty(Side side) => Play(side, s =>
    {
        s.Transcript.Mask("qemu", "package");
        s.Start("", "--monitor chardev=monitor,pretty=on");
        s.Play("""
            receive
            send {"execute":"qmp_capabilities"}
            receive
            send {"execute":"query-named-block-nodes"}
            receive
            """);
    });
}
