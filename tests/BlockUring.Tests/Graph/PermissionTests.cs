using BlockUring.Graph;
using BlockUring.Storage;
using Xunit;

namespace BlockUring.Tests.Graph;

/// <summary>Who may do what with whose nodes.</summary>
public sealed class PermissionTests : IDisposable
{
    private const ImagePermissions Alone = NodeLink.AllPermissions & ~(ImagePermissions.Write | ImagePermissions.Resize);

    private readonly GraphWorld world = new();

    public PermissionTests()
    {
        world.MakeRaw("a.raw");
        world.MakeQcow2("b.qcow2");
    }

    public void Dispose() => world.Dispose();

    [Fact]
    public void TwoFormatsOnOneFileAreRefusedWithBothNames()
    {
        world.Add("{'driver':'qcow2','node-name':'b','file':{'driver':'file','filename':'b.qcow2','node-name':'b-file'}}");
        Assert.Equal(
            "Permission conflict on node 'b-file': permissions 'write, resize' are both required by node 'b' (uses node 'b-file' as 'file' child) " +
            "and unshared by node 'b2' (uses node 'b-file' as 'file' child).",
            world.AddFails("{'driver':'qcow2','node-name':'b2','file':'b-file','backing':null}"));
    }

    [Fact]
    public void AUserThatNeedsWhatAnotherDoesNotShareIsRefused()
    {
        var node = world.Add("{'driver':'file','node-name':'f','filename':'a.raw'}");
        world.Use(node, GraphWorld.Writing, Alone);
        var late = new DiskUser("an unnamed block device");
        var e = Assert.Throws<BlockException>(() => world.Graph.Attach(late, node, "root", GraphWorld.Writing, NodeLink.AllPermissions));
        Assert.Equal(
            "Permission conflict on node 'f': permissions 'write' are both required by an unnamed block device (uses node 'f' as 'root' child) " +
            "and unshared by export 'e' (uses node 'f' as 'root' child).", e.Message);
        Assert.Equal(BlockErrorKind.Locked, e.Kind);
        Assert.Empty(late.Links);
        Assert.Single(node.Parents);
    }

    [Fact]
    public void ChangingPermissionsIsAllOrNothing()
    {
        var node = world.Add("{'driver':'file','node-name':'f','filename':'a.raw'}");
        world.Use(node, GraphWorld.Writing);
        var reader = world.Use(node).Links[0];
        Assert.Throws<BlockException>(() => world.Graph.SetPermissions(reader, GraphWorld.Reading, Alone));
        Assert.Equal((GraphWorld.Reading, NodeLink.AllPermissions), (reader.Needed, reader.Shared));
        world.Graph.SetPermissions(reader, GraphWorld.Writing, NodeLink.AllPermissions);
        Assert.Equal(GraphWorld.Writing, world.Host["a.raw"].Needed);
    }

    [Fact]
    public void LocksFollowTheUsers()
    {
        var node = world.Add("{'driver':'raw','node-name':'a','file':{'driver':'file','filename':'a.raw'}}");
        var file = world.Host["a.raw"];
        Assert.Equal(ImagePermissions.None, file.Needed);
        var user = world.Use(node, GraphWorld.Writing, Alone);
        Assert.Equal((GraphWorld.Writing, Alone), (file.Needed, file.Shared));
        world.Graph.Detach(user.Links[0]);
        Assert.Equal((ImagePermissions.None, NodeLink.AllPermissions), (file.Needed, file.Shared));
    }

    [Fact]
    public void AWriterOnAReadOnlyNodeIsRefused()
    {
        world.Add("{'driver':'file','node-name':'ro','filename':'a.raw','read-only':true}");
        var node = world.Add("{'driver':'raw','node-name':'a','file':'ro'}");
        var e = Assert.Throws<BlockException>(() => world.Use(node, GraphWorld.Writing));
        Assert.Equal("Block node is read-only", e.Message);
        world.Use(node);
    }

    [Fact]
    public void ABackingFileIsNotWrittenToAndAnOverlayReadsIt()
    {
        world.MakeQcow2("top.qcow2", "backing_file=b.qcow2,backing_fmt=qcow2");
        var backing = world.Add("{'driver':'qcow2','node-name':'b','file':{'driver':'file','filename':'b.qcow2'}}");
        var top = world.Add("{'driver':'qcow2','node-name':'top','backing':'b','file':{'driver':'file','filename':'top.qcow2'}}");

        // Nobody reads the overlay yet, and yet nobody may spoil what it shows.
        Assert.Equal(ImagePermissions.None, top.BackingLink!.Needed);
        world.Use(top, GraphWorld.Reading, Alone);
        Assert.Equal(ImagePermissions.ConsistentRead, top.BackingLink.Needed);
        var e = Assert.Throws<BlockException>(() => world.Use(backing, GraphWorld.Writing));
        Assert.Equal(
            "Permission conflict on node 'b': permissions 'write' are both required by export 'e' (uses node 'b' as 'root' child) " +
            "and unshared by node 'top' (uses node 'b' as 'backing' child).", e.Message);
    }

    [Fact]
    public void ARefusalByAnotherProcessTakesBackWhatWasLockedBefore()
    {
        world.MakeRaw("z.raw");
        var a = world.Add("{'driver':'file','node-name':'a','filename':'a.raw'}");
        var z = world.Add("{'driver':'file','node-name':'z','filename':'z.raw'}");
        var user = world.Use(a, GraphWorld.Writing, Alone);
        world.Host.LockedPaths.Add("z.raw");

        var move = GraphEditor.ReplaceAsync(world.Graph, a, z, _ => true);
        Assert.Equal("Failed to get \"write\" lock", GraphWorld.Fails(move).Message);
        Assert.Same(a, user.Node);
        Assert.Equal((GraphWorld.Writing, Alone), (world.Host["a.raw"].Needed, world.Host["a.raw"].Shared));
        Assert.Equal(ImagePermissions.None, world.Host["z.raw"].Needed);
    }

    [Fact]
    public void ARefusedUserOfSeveralFilesUnlocksThemAll()
    {
        world.Host.Add("data.raw", 0);
        world.MakeQcow2("split.qcow2", "data_file=data.raw");
        var node = world.Add("{'driver':'qcow2','node-name':'s','read-only':true,'file':{'driver':'file','filename':'split.qcow2'}}");
        var before = world.Host.Open.Select(f => (f.Path, f.Needed, f.Shared)).ToArray();
        world.Host.LockedPaths.UnionWith(["data.raw"]);
        Assert.Throws<BlockException>(() => world.Use(node, GraphWorld.Reading, Alone));
        Assert.Equal(before, world.Host.Open.Select(f => (f.Path, f.Needed, f.Shared)));
    }
}
