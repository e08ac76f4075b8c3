using BlockUring.Graph;
using BlockUring.Storage;
using Xunit;

namespace BlockUring.Tests.Graph;

/// <summary>blockdev-add and blockdev-del.</summary>
public sealed class GraphOpenerTests : IDisposable
{
    private readonly GraphWorld world = new();

    public GraphOpenerTests()
    {
        world.MakeRaw("a.raw");
        world.MakeQcow2("base.qcow2");
        world.MakeQcow2("top.qcow2", "backing_file=base.qcow2,backing_fmt=qcow2");
    }

    public void Dispose() => world.Dispose();

    [Fact]
    public void AnInlineChildHasANameOfItsOwnAndGoesWithItsParent()
    {
        var node = world.Add("{'driver':'raw','node-name':'a','file':{'driver':'file','filename':'a.raw'}}");
        var child = Assert.Single(node.Children);
        Assert.Equal(("file", "file", true), (child.Name, child.Node.DriverName, child.Node.Name.StartsWith("#block", StringComparison.Ordinal)));
        Assert.Equal([child.Node.Name, "a"], world.Names);
        Assert.Equal($"Node {child.Node.Name} is not owned by the monitor", world.DeleteFails(child.Node.Name));
        world.Delete("a");
        Assert.Empty(world.Names);
        Assert.Empty(world.Host.Open);
    }

    [Fact]
    public void AChildByReferenceOutlivesItsParent()
    {
        world.Add("{'driver':'file','node-name':'f','filename':'a.raw'}");
        world.Add("{'driver':'raw','node-name':'a','file':'f'}");
        Assert.Equal("Block device f is in use", world.DeleteFails("f"));
        world.Delete("a");
        world.Delete("f");
        Assert.Empty(world.Host.Open);
    }

    [Fact]
    public void OptionsAreTakenAsTextToo()
    {
        var options = BlockUring.Images.OptionTree.ParseKeyValues("driver=raw,node-name=a,file.driver=file,file.filename=a.raw,read-only=on");
        var node = GraphWorld.Done(GraphOpener.AddAsync(world.Graph, options));
        Assert.True(node.IsReadOnly && node.Children[0].Node.IsReadOnly);
        Assert.NotNull(options.Get("driver"));
    }

    [Theory]
    [InlineData("{'driver':'null-co'}", "'node-name' must be specified for the root node")]
    [InlineData("{'driver':'null-co','node-name':'n'}", "Duplicate nodes with node-name='n'")]
    [InlineData("{'driver':'null-co','node-name':''}", "Invalid node-name: ''")]
    [InlineData("{'driver':'null-co','node-name':'1a'}", "Invalid node-name: '1a'")]
    [InlineData("{'driver':'null-co','node-name':'a b'}", "Invalid node-name: 'a b'")]
    [InlineData("{'driver':'null-co','node-name':'#a'}", "Invalid node-name: '#a'")]
    [InlineData("{'driver':'null-co','node-name':'a1234567890123456789012345678901'}", "Node name too long")]
    [InlineData("{'driver':'zork','node-name':'x'}", "Unknown driver 'zork'")]
    [InlineData("{'driver':'null-co','node-name':'x','zork':1}", "Block protocol 'null-co' doesn't support the option 'zork'")]
    [InlineData("{'driver':'raw','node-name':'x','file':'n','zork':1}", "Block format 'raw' does not support the option 'zork'")]
    [InlineData("{'driver':'raw','node-name':'x'}", "A block device must be specified for \"file\"")]
    [InlineData("{'driver':'raw','node-name':'x','file':'zork'}", "Cannot find device='zork' nor node-name='zork'")]
    [InlineData("{'driver':'raw','node-name':'x','file':{'driver':'null-co','node-name':'x'}}", "Duplicate nodes with node-name='x'")]
    [InlineData("{'driver':'raw','node-name':'x','file':{'driver':'null-co','node-name':'n'}}", "Duplicate nodes with node-name='n'")]
    [InlineData("{'driver':'file','node-name':'x','filename':'gone'}", "Could not open 'gone': No such file or directory")]
    [InlineData("{'driver':'file','node-name':'x','filename':''}", "The 'file' block driver requires a file name")]
    [InlineData("{'driver':'host_device','node-name':'x','filename':'a.raw'}", "'host_device' driver requires 'a.raw' to be either a character or block device")]
    [InlineData("{'driver':'qcow2','node-name':'x','file':{'driver':'file','filename':'a.raw'}}", "Image is not in qcow2 format")]
    [InlineData("{'driver':'qcow2','node-name':'x','file':{'driver':'file','filename':'base.qcow2'},'zork':1}", "Block format 'qcow2' does not support the option 'zork'")]
    [InlineData("{'driver':'qcow2','node-name':'x','file':{'driver':'file','filename':'base.qcow2'},'backing':'zork'}", "Could not open backing file: Cannot find device='zork' nor node-name='zork'")]
    [InlineData("{'driver':'qcow2','node-name':'x','file':{'driver':'file','filename':'orphan.qcow2'}}", "Could not open backing file: Could not open 'gone.qcow2': No such file or directory")]
    [InlineData("{'driver':'qcow2','node-name':'x','file':{'driver':'file','filename':'base.qcow2','read-only':true}}", "Block node is read-only")]
    [InlineData("{'driver':'raw','node-name':'x','file':{'driver':'file','filename':'tiny'},'offset':1024}", "Offset (1024) cannot be greater than size of the containing file (512)")]
    [InlineData("{'driver':'raw','node-name':'x','file':{'driver':'null-co','size':1024},'offset':512,'size':100}", "Specified size is not multiple of 512")]
    [InlineData("{'driver':'null-co','node-name':'x','force-share':true}", "force-share=on can only be used with read-only images")]
    [InlineData("{'driver':'null-co','node-name':'x','detect-zeroes':'unmap'}", "setting detect-zeroes to unmap is not allowed without setting discard operation to unmap")]
    public void WhatFailsLeavesNothingBehind(string options, string message)
    {
        world.MakeRaw("tiny", 4);
        world.MakeQcow2("orphan.qcow2", "backing_file=gone.qcow2,backing_fmt=qcow2");
        world.Add("{'driver':'null-co','node-name':'n'}");
        Assert.Equal(message, world.AddFails(options));
    }

    [Fact]
    public void TheChainIsThatOfTheHeaders()
    {
        var top = world.Add("{'driver':'qcow2','node-name':'top','file':{'driver':'file','filename':'top.qcow2'}}");
        var backing = top.BackingLink!.Node;
        Assert.Equal(("qcow2", "base.qcow2", true, false), (backing.DriverName, backing.FileName, backing.IsReadOnly, backing.IsMonitorOwned));
        Assert.Equal(4, world.Host.Open.Count + world.Graph.Nodes.Count - 2);
        Assert.Same(top, backing.InheritsFrom);
        world.Delete("top");
        Assert.Empty(world.Host.Open);
    }

    [Fact]
    public void TheBackingNodeMayBeGivenOrRefused()
    {
        world.Add("{'driver':'qcow2','node-name':'alone','backing':null,'read-only':true,'file':{'driver':'file','filename':'top.qcow2'}}");
        Assert.Null(world.Graph.Find("alone").BackingLink);
        world.Add("{'driver':'null-co','node-name':'n','read-zeroes':true}");
        var top = world.Add("{'driver':'qcow2','node-name':'top','backing':'n','file':{'driver':'file','filename':'top.qcow2'}}");
        Assert.Equal("n", top.BackingLink!.Node.Name);
        Assert.Equal("Node 'n' is busy: node is used as backing hd of 'top'", world.DeleteFails("n"));
        world.Delete("top");
        Assert.Contains("n", world.Names);
    }

    [Fact]
    public void TheExternalDataFileIsANode()
    {
        world.Host.Add("data.raw", 0);
        world.MakeQcow2("split.qcow2", "data_file=data.raw");
        var node = world.Add("{'driver':'qcow2','node-name':'s','file':{'driver':'file','filename':'split.qcow2'}}");
        Assert.Equal(("data-file", "data.raw"), (node.Children[1].Name, node.Children[1].Node.FileName));
        world.Write(node, 0, 65536, 7);
        Assert.Contains(world.Host["data.raw"].Log, l => l.StartsWith("write", StringComparison.Ordinal));
        world.Delete("s");
        Assert.Empty(world.Host.Open);
    }

    [Fact]
    public void ALoopOfBackingFilesIsRefused()
    {
        world.MakeQcow2("loop.qcow2", "backing_file=loop.qcow2,backing_fmt=qcow2");
        var message = world.AddFails("{'driver':'qcow2','node-name':'l','read-only':true,'file':{'driver':'file','filename':'loop.qcow2'}}");
        Assert.EndsWith($"The backing chain is longer than {BlockUring.Images.BackingChain.MaxDepth} images", message);
    }

    [Fact]
    public void ReadOnlyIsInheritedByInlineChildrenOnly()
    {
        world.Add("{'driver':'file','node-name':'f','filename':'a.raw'}");
        world.Add("{'driver':'raw','node-name':'a','file':'f','read-only':true}");
        Assert.False(world.Graph.Find("f").IsReadOnly);
        world.Add("{'driver':'file','node-name':'ro','filename':'a.raw','read-only':true}");
        Assert.False(world.Add("{'driver':'raw','node-name':'rw-on-ro','file':'ro'}").IsReadOnly);
    }

    [Fact]
    public void AutoReadOnlyOpensForReadingWhatCannotBeWritten()
    {
        world.Host.ReadOnlyPaths.Add("a.raw");
        Assert.Equal("Could not open 'a.raw': Permission denied", world.AddFails("{'driver':'file','node-name':'f','filename':'a.raw'}"));
        Assert.True(world.Add("{'driver':'file','node-name':'f','filename':'a.raw','auto-read-only':true}").IsReadOnly);
    }

    [Fact]
    public void AnExportedNodeCannotBeDeleted()
    {
        var node = world.Add("{'driver':'null-co','node-name':'n'}");
        var user = world.Use(node);
        Assert.Equal("Node n is in use", world.DeleteFails("n"));
        world.Graph.Detach(user.Links[0]);
        world.Delete("n");
        Assert.Equal("Failed to find node with node-name='n'", world.DeleteFails("n"));
    }

    [Fact]
    public void DeletingAWriterUnlocksTheFileThatStays()
    {
        world.Add("{'driver':'file','node-name':'f','filename':'base.qcow2'}");
        world.Add("{'driver':'qcow2','node-name':'q','file':'f'}");
        Assert.NotEqual(ImagePermissions.None, world.Host["base.qcow2"].Needed & ImagePermissions.Write);
        world.Delete("q");
        Assert.Equal((ImagePermissions.None, NodeLink.AllPermissions), (world.Host["base.qcow2"].Needed, world.Host["base.qcow2"].Shared));
    }

    [Fact]
    public void AFileLockedByAnotherProcessFailsTheAddingAndUnlocksTheRest()
    {
        world.Add("{'driver':'file','node-name':'b','filename':'base.qcow2','read-only':true}");
        world.Host.LockedPaths.Add("top.qcow2");
        var options = "{'driver':'qcow2','node-name':'q','backing':'b','file':{'driver':'file','filename':'top.qcow2'}}";
        Assert.Equal("Failed to get \"write\" lock", world.AddFails(options));
        Assert.Equal((ImagePermissions.None, NodeLink.AllPermissions), (world.Host["base.qcow2"].Needed, world.Host["base.qcow2"].Shared));
    }

    [Fact]
    public void WhatWasWrittenIsFlushedWhenTheNodeGoes()
    {
        world.Write(world.Add("{'driver':'qcow2','node-name':'q','file':{'driver':'file','filename':'base.qcow2'}}"), 0, 65536, 5);
        world.Delete("q");
        world.Expect(world.Add("{'driver':'qcow2','node-name':'q','file':{'driver':'file','filename':'base.qcow2'}}"), 0, 65536, 5);
    }
}
