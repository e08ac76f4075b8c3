using Xunit;

namespace BlockUring.Tests.Graph;

/// <summary>Nodes are listed in the order in which QEMU names them.</summary>
public sealed class NodeOrderTests : IDisposable
{
    private readonly GraphWorld world = new();

    public void Dispose() => world.Dispose();

    [Fact]
    public void ANodeComesAfterItsFileAndBeforeItsBackingNode()
    {
        world.MakeRaw("base");
        world.MakeQcow2("top");
        world.Add("{'driver':'null-co','node-name':'first'}");
        world.Add(
            "{'driver':'qcow2','node-name':'top','file':{'driver':'file','node-name':'top-file','filename':'top'}," +
            "'backing':{'driver':'raw','node-name':'base','file':{'driver':'file','node-name':'base-file','filename':'base'}}}");
        world.Add("{'driver':'null-co','node-name':'last'}");
        Assert.Equal(["first", "top-file", "top", "base-file", "base", "last"], world.Names);
    }
}
