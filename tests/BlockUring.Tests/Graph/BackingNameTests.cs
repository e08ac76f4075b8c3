using BlockUring.Graph;
using Xunit;

namespace BlockUring.Tests.Graph;

/// <summary>The backing file's name in the header, changed while the chain is open.</summary>
public sealed class BackingNameTests : IDisposable
{
    private readonly GraphWorld world = new();

    public BackingNameTests()
    {
        world.MakeRaw("base.raw");
        world.MakeQcow2("top.qcow2", "backing_file=base.raw,backing_fmt=raw,lazy_refcounts=on");
    }

    public void Dispose() => world.Dispose();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void TheNameAndTheFormatBelowAreWritten(bool isReadOnly)
    {
        var node = Open(isReadOnly);
        if (!isReadOnly)
            world.Write(node, 0, 4096, 7);
        GraphWorld.Done(BackingName.SetAsync(world.Graph, node, "other.raw"));
        Assert.Equal(isReadOnly, node.IsReadOnly);
        Assert.Equal("base.raw", node.BackingLink!.Node.FileName);
        if (!isReadOnly)
            world.Write(node, 65536, 4096, 8);
        Assert.Equal(("other.raw", "raw"), Reopened(out var opened));
        if (!isReadOnly)
        {
            world.Expect(opened, 0, 4096, 7);
            world.Expect(opened, 65536, 4096, 8);
        }
    }

    [Fact]
    public void ANameThatIsTooLongChangesNothing()
    {
        var node = Open(isReadOnly: false);
        var name = new string('x', 1024);
        Assert.Equal(
            $"Could not change backing file to '{name}': Invalid argument",
            GraphWorld.Fails(BackingName.SetAsync(world.Graph, node, name)).Message);
        Assert.Equal(("base.raw", "raw"), Reopened(out _));
    }

    [Fact]
    public void AnEmptyNameIsNone()
    {
        var node = Open(isReadOnly: false);
        GraphWorld.Done(BackingName.SetAsync(world.Graph, node, ""));
        Assert.Equal((null, null), Reopened(out _));
    }

    private FormatNode Open(bool isReadOnly) => (FormatNode)world.Add(
        "{'driver':'qcow2','node-name':'top','file':{'driver':'file','filename':'top.qcow2'}," + (isReadOnly ? "'read-only':true}" : "'read-only':false}"));

    private (string?, string?) Reopened(out FormatNode opened)
    {
        world.Delete("top");
        opened = (FormatNode)world.Add("{'driver':'qcow2','node-name':'top','backing':null,'file':{'driver':'file','filename':'top.qcow2'}}");
        return (opened.Image.Format.BackingFileName, opened.Image.Format.BackingFormat);
    }
}
