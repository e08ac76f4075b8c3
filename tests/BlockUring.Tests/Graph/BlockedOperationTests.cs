using BlockUring.Graph;
using Xunit;

namespace BlockUring.Tests.Graph;

/// <summary>What blocks what can be asked for.</summary>
public sealed class BlockedOperationTests : IDisposable
{
    private readonly GraphWorld world = new();
    private readonly BlockNode node;

    public BlockedOperationTests() => node = world.Add("{'driver':'null-co','node-name':'n','size':65536}");

    public void Dispose() => world.Dispose();

    [Fact]
    public void NothingIsBlockedAtANodeThatNobodyUses() => Assert.Empty(BlockedOperation.Of(node));

    [Fact]
    public void BlockersAreToldByOperation()
    {
        node.Blockers.Add(new(NodeOperation.Resize | NodeOperation.Delete, "backup job 'j'", "block device is in use by block job: backup"));
        Assert.Equal(
            [
                new(node, "resize", "backup job 'j'", "block device is in use by block job: backup"),
                new(node, "delete", "backup job 'j'", "block device is in use by block job: backup"),
            ],
            BlockedOperation.Of(node));
        Assert.Equal("Node 'n' is busy: block device is in use by block job: backup", world.DeleteFails("n"));
    }

    [Fact]
    public void PermissionsThatAreNotSharedAreTold()
    {
        world.Use(node, GraphWorld.Reading, GraphWorld.ReadingOnly);
        Assert.Equal(
            [
                new(node, "write", "export 'e'", "uses node 'n' as 'root' child and does not share this permission"),
                new(node, "resize", "export 'e'", "uses node 'n' as 'root' child and does not share this permission"),
            ],
            BlockedOperation.Of(node));
    }

    [Fact]
    public void FrozenLinksAreTold()
    {
        var raw = world.Add("{'driver':'raw','node-name':'r','file':'n'}");
        raw.Primary!.Freeze("stream job 's'");
        Assert.Equal([new(raw, "change-file", "stream job 's'", "the 'file' link to 'n' is frozen")], BlockedOperation.Of(raw));
    }

    [Fact]
    public void AnOverlayBlocksWhatWouldChangeIt()
    {
        world.MakeQcow2("o.qcow2", length: 65536);
        world.Add("{'driver':'qcow2','node-name':'o','file':{'driver':'file','filename':'o.qcow2'},'backing':'n'}");
        var blocked = BlockedOperation.Of(node).Where(b => b.User == "node 'o'").ToArray();
        Assert.All(blocked, b => Assert.Equal("node is used as backing hd of 'o'", b.Reason));
        Assert.Equal(["mirror-target", "external-snapshot", "internal-snapshot", "resize", "delete"], blocked.Select(b => b.Operation));
    }

    [Fact]
    public void EveryOperationHasAName()
    {
        node.Blockers.Add(new(NodeOperation.All, "a", "b"));
        Assert.Equal(
            Enum.GetValues<NodeOperation>().Count(o => o is not (NodeOperation.None or NodeOperation.All)),
            BlockedOperation.Of(node).Select(b => b.Operation).Distinct().Count());
    }
}
