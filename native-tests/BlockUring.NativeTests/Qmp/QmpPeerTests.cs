using System.Text;
using Xunit;

namespace BlockUring.NativeTests.Qmp;

/// <summary>The same bytes go to qemu-storage-daemon and to the monitor here; the answers must be the same bytes.</summary>
public class QmpPeerTests
{
    private const string Negotiate = """{"execute":"qmp_capabilities"}""";

    public static TheoryData<string, string> Scripts
    {
        get
        {
            var data = new TheoryData<string, string>();
            foreach (var (name, lines) in PeerScripts.All)
                data.Add(name, string.Concat(lines));
            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Scripts))]
    public void AnswersAreThePeers(string name, string script)
    {
        using var peer = new QmpPeer();
        using var own = new OwnDaemon();
        Compare(peer, own, name, script);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(6)]
    public void BrokenInputIsAnsweredAsByThePeer(int seed)
    {
        using var peer = new QmpPeer();
        using var own = new OwnDaemon();
        using var peerClient = new QmpClient(peer.Path, negotiates: true);
        using var ownClient = new QmpClient(own.Path, negotiates: true);
        var random = new Random(seed);
        for (var i = 0; i < 400; i++)
        {
            var script = JsonSoup.Make(random);
            var expected = Transcript.Mask(peerClient.Run(script));
            var actual = Transcript.Mask(ownClient.Run(script));
            Assert.True(expected == actual, $"seed {seed}, script {i}: {Encoding.Latin1.GetString(script)}\npeer:\n{expected}\nown:\n{actual}");
        }
    }

    [Fact]
    public void PrettyMessagesAreThePeers()
    {
        using var peer = new QmpPeer(",pretty=on");
        using var own = new OwnDaemon(isPretty: true);
        var transcripts = new List<string>();
        foreach (var path in new[] { peer.Path, own.Path })
        {
            using var client = new QmpClient(path);
            client.Write("""{"execute":"qmp_capabilities","id":[1,{},[],{"a":[{"b":1}]}]} {"execute":"query-version"} 1.5 {"id":"x"}""");
            var lines = new List<string>();
            while (lines.LastOrDefault()?.Contains("\"id\": \"x\"", StringComparison.Ordinal) != true)
                lines.Add(client.ReadLine()!);
            transcripts.Add(Transcript.Mask(lines));
        }

        Assert.Equal(transcripts[0], transcripts[1]);
    }

    private static void Compare(QmpPeer peer, OwnDaemon own, string name, string script)
    {
        var text = script.StartsWith("raw:", StringComparison.Ordinal) ? script[4..] : Negotiate + script;
        using var peerClient = new QmpClient(peer.Path);
        using var ownClient = new QmpClient(own.Path);
        Assert.Equal(Transcript.Mask([peerClient.Greeting]), Transcript.Mask([ownClient.Greeting]));
        foreach (var part in text.Split(PeerScripts.Pause))
        {
            var bytes = Encoding.Latin1.GetBytes(part);
            var expected = Transcript.Mask(peerClient.Run(bytes));
            var actual = Transcript.Mask(ownClient.Run(bytes));
            Assert.True(expected == actual, $"{name}\npeer:\n{expected}\nown:\n{actual}");
        }
    }
}
