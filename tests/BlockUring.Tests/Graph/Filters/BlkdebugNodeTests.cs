using BlockUring.Graph;
using BlockUring.Storage;
using Xunit;

namespace BlockUring.Tests.Graph.Filters;

/// <summary>The blkdebug filter.</summary>
public sealed class BlkdebugNodeTests : IDisposable
{
    private readonly GraphWorld world = new();

    public BlkdebugNodeTests() => world.MakeRaw("a.raw");

    public void Dispose() => world.Dispose();

    [Theory]
    [InlineData("'align':3", "Cannot meet constraints with align 3")]
    [InlineData("'align':2147483648", "Cannot meet constraints with align 2147483648")]
    [InlineData("'align':4096,'max-transfer':1000", "Cannot meet constraints with max-transfer 1000")]
    [InlineData("'align':4096,'opt-write-zero':1000", "Cannot meet constraints with opt-write-zero 1000")]
    [InlineData("'align':4096,'opt-write-zero':8192,'max-write-zero':4096", "Cannot meet constraints with max-write-zero 4096")]
    [InlineData("'max-discard':1024,'opt-discard':4096", "Cannot meet constraints with max-discard 1024")]
    [InlineData("'inject-error':[{'event':'zork'}]", "invalid parameter value: zork")]
    [InlineData("'inject-error':[{'evet':'none'}]", "[inject-error] section doesn't support the option 'evet'")]
    [InlineData("'inject-error':[{'state':1}]", "Missing event name for rule")]
    [InlineData("'inject-error':[{'event':'none','iotype':'zork'}]", "invalid parameter value: zork")]
    [InlineData("'zork':1", "Block protocol 'blkdebug' doesn't support the option 'zork'")]
    [InlineData("'take-child-perms':['zork']", "Parameter 'null' does not accept value 'zork'")]
    [InlineData("'config':'/gone'", "Could not read blkdebug config file: No such file or directory")]
    [InlineData("'config':'bad1'", "There is no option group 'zork'")]
    [InlineData("'config':'bad2'", "Invalid parameter 'a'")]
    public void WhatCannotBeIsRefused(string options, string message)
    {
        WriteText("bad1", "[zork]\na = \"b\"\n");
        WriteText("bad2", "[inject-error]\na = \"b\"\n");
        Assert.Equal(message, world.AddFails($"{{'driver':'blkdebug','node-name':'b','image':{{'driver':'file','filename':'a.raw'}},{options}}}"));
    }

    // r, w, z, d, f, m: read, write, zeroes, discard, flush, map; a number is the error.
    [Theory]
    [InlineData("'inject-error':[]", "r w z d f m", "0 0 0 0 0 0")]
    [InlineData("'inject-error':[{'event':'none'}]", "r w z d f m", "5 5 5 5 5 0")]
    [InlineData("'inject-error':[{'event':'none','iotype':'write','errno':28}]", "r w z d f", "0 28 0 0 0")]
    [InlineData("'inject-error':[{'event':'none','iotype':'block-status'}]", "r w m", "0 0 5")]
    [InlineData("'inject-error':[{'event':'none','errno':-28}]", "r", "28")]
    [InlineData("'inject-error':[{'event':'none','errno':0}]", "r w", "0 0")]
    [InlineData("'inject-error':[{'event':'none','once':true}]", "r r w", "5 0 0")]
    [InlineData("'inject-error':[{'event':'none','sector':7}]", "r w f z", "5 5 0 5")]
    [InlineData("'inject-error':[{'event':'none','sector':8}]", "r w f z", "0 0 0 0")]
    [InlineData("'inject-error':[{'event':'pwritev','once':true}]", "r w w", "0 5 0")]
    [InlineData("'inject-error':[{'event':'pwritev_done','once':true}]", "w w w", "0 5 0")]
    [InlineData("'inject-error':[{'event':'pwritev_zero'}]", "w z w", "0 5 5")]
    [InlineData("'inject-error':[{'event':'pwritev_zero','iotype':'write-zeroes'},{'event':'pwritev','iotype':'read'}]", "z w z r w r", "5 0 5 0 0 5")]
    [InlineData("'inject-error':[{'event':'pwritev','state':2}],'set-state':[{'event':'pwritev','state':1,'new_state':2}]", "w w w", "0 5 5")]
    [InlineData("'inject-error':[{'event':'none','errno':1},{'event':'none','errno':2}]", "r", "2")]
    [InlineData("'inject-error':[{'event':'none','immediately':true}]", "r", "5")]
    [InlineData("'config':'good'", "r w z", "0 28 0")]
    [InlineData("'inject-error':[{'event':'l2_update'},{'event':'read_aio'},{'event':'write_aio'}]", "r w f", "0 0 0")]
    public void RequestsFailByTheRules(string options, string requests, string errors)
    {
        WriteText("good", "# a comment\n[inject-error]\nevent = \"none\"\niotype = \"write\"\nerrno = \"28\"\n\n[set-state]\nevent = \"none\"\nnew_state = \"2\"\n");
        var node = Add(options);
        Assert.Equal(errors, string.Join(' ', requests.Split(' ').Select(r => Run(node, r))));
    }

    [Fact]
    public void AFormatAboveTellsOfItsReadsAndWrites()
    {
        world.MakeQcow2("q");
        var below = "'image':{'driver':'file','filename':'q'},";
        world.Add($"{{'driver':'blkdebug','node-name':'b',{below}'inject-error':[{{'event':'write_aio','once':true,'errno':28}}," +
            "{'event':'flush_to_disk','iotype':'flush','once':true},{'event':'read_aio','sector':0}]}");
        var node = world.Add("{'driver':'qcow2','node-name':'q','file':'b','discard':'unmap'}");
        Assert.Equal((28, 0), (Run(node, "w"), Run(node, "w")));
        Assert.Equal((5, 0), (Run(node, "f"), Run(node, "f")));
    }

    [Fact]
    public void TheErrorSaysWhatFailedWhere()
    {
        var node = Add("'inject-error':[{'event':'none','errno':28}]");
        var write = world.WriteAsync(node, 512, 512, 1);
        Assert.False(write.IsCompleted);
        world.Scheduler.Advance(TimeSpan.Zero);
        Assert.Equal("Could not write 'a.raw' at offset 512: No space left on device", GraphWorld.Fails(write).Message);
        Assert.Empty(world.Host["a.raw"].Log);
    }

    [Theory]
    [InlineData("'align':4096", 0, 8192, "write 0+8192")]
    [InlineData("'align':4096", 512, 512, "read 0+4096,write 0+4096")]
    [InlineData("'align':4096", 512, 12288, "read 0+4096,write 0+4096,write 4096+8192,read 12288+4096,write 12288+4096")]
    [InlineData("'max-transfer':1024", 512, 2560, "write 512+1024,write 1536+1024,write 2560+512")]
    [InlineData("'align':512,'max-transfer':1024", 256, 2048, "read 0+512,write 0+512,write 512+1024,write 1536+512,read 2048+512,write 2048+512")]
    public void WritesAreCutAndWidened(string options, int offset, int length, string log)
    {
        var node = Add(options);
        world.Write(node, offset, length, 1);
        Assert.Equal(log.Split(','), world.Host["a.raw"].Log);
        world.Expect(node, 0, offset, 0);
        world.Expect(node, offset, length, 1);
        world.Expect(node, offset + length, 4096, 0);
    }

    [Theory]
    [InlineData("'align':4096", 100, 200, "read 0+4096")]
    [InlineData("'align':4096", 4000, 4200, "read 0+4096,read 4096+4096,read 8192+4096")]
    [InlineData("'max-transfer':4096", 0, 9000, "read 0+4096,read 4096+4096,read 8192+808")]
    public void ReadsAreCutAndWidened(string options, int offset, int length, string log)
    {
        var bytes = new byte[65536];
        new Random(1).NextBytes(bytes);
        world.Host.Content("a.raw").Write(0, bytes);
        Assert.Equal(bytes[offset..(offset + length)], world.Read(Add(options), offset, length));
        Assert.Equal(log.Split(','), world.Host["a.raw"].Log);
    }

    [Theory]
    [InlineData("'opt-write-zero':4096", 512, 8192, "write 512+3584,zero 4096+4096,write 8192+512")]
    [InlineData("'max-write-zero':4096", 0, 10240, "zero 0+4096,zero 4096+4096,zero 8192+2048")]
    [InlineData("'align':512,'opt-write-zero':4096,'max-write-zero':8192", 4096, 16384, "zero 4096+8192,zero 12288+8192")]
    public void ZeroWritesAreCut(string options, int offset, int length, string log)
    {
        world.Host.Content("a.raw").Write(0, Enumerable.Repeat((byte)7, 65536).ToArray());
        var node = Add(options);
        GraphWorld.Done(node.WriteZeroesAsync(offset, length));
        Assert.Equal(log.Split(','), world.Host["a.raw"].Log);
        world.Expect(node, 0, offset, 7);
        world.Expect(node, offset, length, 0);
        world.Expect(node, offset + length, 512, 7);
    }

    [Theory]
    [InlineData("'opt-discard':4096", 512, 12288, "discard 4096+8192")]
    [InlineData("'max-discard':4096", 0, 10240, "discard 0+4096,discard 4096+4096,discard 8192+2048")]
    [InlineData("'opt-discard':4096", 512, 1024, "")]
    public void DiscardsAreCut(string options, int offset, int length, string log)
    {
        GraphWorld.Done(Add(options).DiscardAsync(offset, length));
        Assert.Equal(log, string.Join(',', world.Host["a.raw"].Log));
    }

    [Fact]
    public void WritesToOneUnitTakeTurns()
    {
        var node = Add("'align':4096");
        var disk = world.Host["a.raw"];
        disk.IsHeld = true;
        var first = world.WriteAsync(node, 0, 512, 1);
        var second = world.WriteAsync(node, 512, 512, 2);
        Assert.Equal(["read 0+4096"], disk.Log);
        disk.Release();
        GraphWorld.Done(first);
        GraphWorld.Done(second);
        world.Expect(node, 0, 512, 1);
        world.Expect(node, 512, 512, 2);
    }

    [Fact]
    public void ADiskThatEndsInsideAUnitDoesNotGrow()
    {
        world.MakeRaw("odd", 5120);
        var node = world.Add("{'driver':'blkdebug','node-name':'b','align':4096,'image':{'driver':'file','filename':'odd'}}");
        world.Write(node, 4608, 512, 1);
        Assert.Equal(5120, world.Host["odd"].Length);
        world.Expect(node, 4608, 512, 1);
    }

    [Fact]
    public void PermissionsAreTakenAndWithheldAsTold()
    {
        world.Add("{'driver':'null-co','node-name':'n'}");
        world.Use(world.Graph.Find("n"), GraphWorld.Writing);
        Assert.Equal(
            "Permission conflict on node 'n': permissions 'write' are both required by export 'e' (uses node 'n' as 'root' child) " +
            "and unshared by node 'b' (uses node 'n' as 'image' child).",
            world.AddFails("{'driver':'blkdebug','node-name':'b','image':'n','take-child-perms':['write','resize'],'unshare-child-perms':['write']}"));
        var node = world.Add("{'driver':'blkdebug','node-name':'b','image':'n','take-child-perms':['write','resize']}");
        Assert.Equal(ImagePermissions.Write | ImagePermissions.Resize, node.Children[0].Needed);
    }

    private BlockNode Add(string options) =>
        world.Add($"{{'driver':'blkdebug','node-name':'b','discard':'unmap','image':{{'driver':'file','filename':'a.raw'}},{options}}}");

    private int Run(BlockNode node, string request)
    {
        var task = request switch
        {
            "r" => new ValueTask(world.ReadAsync(node, 0, 4096).AsTask()),
            "w" => world.WriteAsync(node, 0, 4096, 1),
            "z" => node.WriteZeroesAsync(0, 4096),
            "d" => node.DiscardAsync(0, 4096),
            "f" => node.FlushAsync(),
            _ => new ValueTask(node.GetLayerStatusAsync(0, 4096).AsTask()),
        };
        world.Scheduler.Advance(TimeSpan.Zero);
        Assert.True(task.IsCompleted);
        return task.IsCompletedSuccessfully ? 0 : GraphWorld.Fails(task).ErrorNumber;
    }

    private void WriteText(string path, string text)
    {
        world.MakeRaw(path, 0);
        world.Host.Content(path).Write(0, System.Text.Encoding.UTF8.GetBytes(text));
    }
}
