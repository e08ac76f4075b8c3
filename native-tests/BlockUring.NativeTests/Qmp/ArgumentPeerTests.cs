using System.Text.Json;
using System.Text.Json.Nodes;
using BlockUring.Qmp;
using BlockUring.Qmp.Schema;
using Xunit;

namespace BlockUring.NativeTests.Qmp;

/// <summary>Wrong arguments, made from the definition: the peer refuses them with the same words.</summary>
public class ArgumentPeerTests
{
    // What the peer does not know.
    private static readonly string[] OwnCommands = ["block-null", "x-query-blockers", "human-monitor-command", "block-job-change", "query-commit-plan"];
    private static readonly string[] OwnMembers =
    [
        "on-cbw-error", "discard-source", "min-cluster-size", "delay-ns", "backing-mask-protocol", "invalidate-overlays", "target-is-zero",
        "safe", "protect", "protect-directories",
    ];

    // What the peer does not know of a mirror, and does of a backup; and what has a value more here ("auto").
    private static readonly string[] MirrorMembers = ["bitmap", "bitmap-mode", "copy-mode"];

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void WrongArgumentsAreRefusedAsByThePeer(int seed)
    {
        using var peer = new QmpPeer();
        using var client = new QmpClient(peer.Path, negotiates: true);
        var random = new Random(seed);
        var refusedCount = 0;
        foreach (var command in QapiSchema.Current.Commands.Where(c => !OwnCommands.Contains(c.Name)))
        {
            string[] unknown = command.Name.EndsWith("-mirror", StringComparison.Ordinal) ? [.. OwnMembers, .. MirrorMembers] : OwnMembers;
            for (var i = 0; i < 200; i++)
            {
                var arguments = new WrongArguments(random, unknown).Make(command.Arguments);
                var own = Refusal(command, arguments);
                if (own == null)
                    continue;
                refusedCount++;
                var request = new JsonObject { ["execute"] = command.Name, ["arguments"] = JsonNode.Parse(arguments) };
                var reply = JsonDocument.Parse(client.Ask(request.ToJsonString())).RootElement;
                var theirs = reply.TryGetProperty("error", out var error) ? error.GetProperty("desc").GetString() : "success";
                Assert.True(own == theirs, $"seed {seed}: {request.ToJsonString()}\npeer: {theirs}\nown:  {own}");
            }
        }

        Assert.True(refusedCount > 1000, $"only {refusedCount} arguments were wrong");
    }

    private static string? Refusal(SchemaCommand command, string arguments)
    {
        try
        {
            ArgumentChecker.Check(command.Arguments, JsonDocument.Parse(arguments).RootElement);
            return null;
        }
        catch (QmpException e)
        {
            return e.Message;
        }
    }
}
