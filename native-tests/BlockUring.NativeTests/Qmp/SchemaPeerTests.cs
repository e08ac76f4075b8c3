using System.Text.Json;
using BlockUring.Qmp.Schema;
using Xunit;

namespace BlockUring.NativeTests.Qmp;

/// <summary>The definition against qemu-storage-daemon's own description of itself.</summary>
public class SchemaPeerTests
{
    // What is defined here beyond the peer: this product's own, and members of newer versions.
    private static readonly string[] Additions =
    [
        "block-null", "x-query-blockers", "human-monitor-command", "on-cbw-error", "discard-source", "min-cluster-size", "delay-ns", "enum value null",
        "backing-mask-protocol", "invalidate-overlays", "block-job-change", "actively-synced", "returns[].copy-mode", "enum value auto",
        "target-is-zero", "-mirror.bitmap", "-mirror.bitmap-mode",
        "safe", "protect", "protect-directories", "query-commit-plan",
    ];

    [Fact]
    public void EveryDefinitionIsThePeers()
    {
        using var peer = new QmpPeer();
        using var client = new QmpClient(peer.Path, negotiates: true);
        var theirs = new SchemaView(JsonDocument.Parse(client.Ask("""{"execute":"query-qmp-schema"}""")).RootElement.GetProperty("return"));
        var ours = new SchemaView(SchemaIntrospection.Describe(QapiSchema.Current, _ => true));
        var differences = new List<string>();
        foreach (var (key, entity) in ours.Top)
        {
            if (theirs.Top.TryGetValue(key, out var other))
                new SchemaComparison(ours, theirs, differences).Entities(key.Name, entity, other);
            else
                differences.Add($"+ {key.Name}");
        }

        var unexpected = differences.Where(d =>
            !Additions.Any(a => d.StartsWith('+') && d.EndsWith(a, StringComparison.Ordinal)));
        Assert.Empty(unexpected);
        Assert.All(Additions, a => Assert.Contains(differences, d => d.EndsWith(a, StringComparison.Ordinal)));
    }

    [Fact]
    public void CommandsThatAreServedHaveThePeersNames()
    {
        using var peer = new QmpPeer();
        using var own = new OwnDaemon();
        using var peerClient = new QmpClient(peer.Path, negotiates: true);
        using var ownClient = new QmpClient(own.Path, negotiates: true);
        var theirs = Names(peerClient.Ask("""{"execute":"query-commands"}"""));
        var ours = Names(ownClient.Ask("""{"execute":"query-commands"}"""));
        Assert.Empty(ours.Except(theirs).Except(Additions));
    }

    private static List<string> Names(string reply) =>
        [.. JsonDocument.Parse(reply).RootElement.GetProperty("return").EnumerateArray().Select(c => c.GetProperty("name").GetString()!)];
}
