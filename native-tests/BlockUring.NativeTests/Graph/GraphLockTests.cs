using System.Diagnostics;
using BlockUring.Graph;
using BlockUring.Images;
using BlockUring.NativeTests.Storage;
using BlockUring.Storage;
using Xunit;
using static BlockUring.Storage.ImagePermissions;

namespace BlockUring.NativeTests.Graph;

/// <summary>Image locks follow the use of nodes: QEMU's processes get in where nobody is in their way, and only there.</summary>
public sealed class GraphLockTests : IDisposable
{
    private const ImagePermissions AllButWriting = NodeLink.AllPermissions & ~(Write | Resize);

    private readonly TempFolder folder = new();

    public GraphLockTests()
    {
        Tool.Demand("qemu-io");
        Tool.Run("qemu-img", "create", "-q", "-f", "raw", folder["a.raw"], "1M");
        Tool.Run("qemu-img", "create", "-q", "-f", "qcow2", folder["a.qcow2"], "1M");
    }

    public void Dispose() => folder.Dispose();

    [Fact]
    public void QemuIsKeptOutWhileAUserMayWrite() => GraphRun.Run(async graph =>
    {
        var node = await graph.AddAsync($"driver=raw,node-name=a,file.driver=file,file.filename={folder["a.raw"]}");
        Assert.Equal("", QemuIo("raw"));
        var user = new DiskUser("export 'e'");
        var link = graph.Attach(user, node, "root", ConsistentRead, AllButWriting);
        Assert.Equal("", QemuIo("raw", "-r"));
        Assert.Contains("Failed to get \"write\" lock", QemuIo("raw"));
        graph.SetPermissions(link, ConsistentRead | Write, AllButWriting);
        Assert.Contains("Failed to get \"write\" lock", QemuIo("raw"));
        graph.SetPermissions(link, ConsistentRead, NodeLink.AllPermissions);
        Assert.Equal("", QemuIo("raw"));
        graph.SetPermissions(link, ConsistentRead | Write, AllButWriting);
        graph.Detach(link);
        Assert.Equal("", QemuIo("raw"));
    });

    [Fact]
    public void AWritableQcow2IsLockedFromItsAddingToItsDeletion() => GraphRun.Run(async graph =>
    {
        await graph.AddAsync($"driver=file,node-name=f,filename={folder["a.qcow2"]}");
        Assert.Equal("", QemuIo("qcow2"));
        await graph.AddAsync("driver=qcow2,node-name=q,file=f");
        Assert.Contains("Failed to get \"write\" lock", QemuIo("qcow2"));
        await GraphOpener.DeleteAsync(graph, "q");
        Assert.Equal("", QemuIo("qcow2"));
    });

    [Fact]
    public void WhatQemuWritesTooCannotBeWrittenHere() => GraphRun.Run(async graph =>
    {
        var node = await graph.AddAsync($"driver=raw,node-name=a,file.driver=file,file.filename={folder["a.raw"]}");
        var user = new DiskUser("export 'e'");
        var link = graph.Attach(user, node, "root", None, NodeLink.AllPermissions);
        using (var qemu = Hold("raw"))
        {
            var e = Assert.Throws<BlockException>(() => graph.SetPermissions(link, ConsistentRead | Write, AllButWriting));
            Assert.StartsWith("Failed to get shared \"write\" lock\nIs another process using the image", e.Message);
            e = await Assert.ThrowsAsync<BlockException>(async () =>
                await graph.AddAsync($"driver=qcow2,node-name=q,file.driver=file,file.filename={folder["a.raw"]}"));
            Assert.StartsWith("Failed to get shared \"write\" lock", e.Message);
            End(qemu);
        }

        // Nothing of the refusal is left to keep others out.
        Assert.Equal("", QemuIo("raw"));
        graph.SetPermissions(link, ConsistentRead | Write, AllButWriting);
        graph.Detach(link);
    });

    [Fact]
    public void AReopenedFileIsLockedAsBefore() => GraphRun.Run(async graph =>
    {
        await graph.AddAsync($"driver=qcow2,node-name=q,file.driver=file,file.node-name=f,file.filename={folder["a.qcow2"]}");
        await ReopenAsync(graph, "driver=qcow2,node-name=q,file=f,read-only=on");
        Assert.Equal("", QemuIo("qcow2", "-r"));
        Assert.Contains("Failed to get \"write\" lock", QemuIo("qcow2"));
        await ReopenAsync(graph, "driver=qcow2,node-name=q,file=f");
        Assert.Contains("Failed to get shared \"write\" lock", QemuIo("qcow2", "-r"));
    });

    [Fact]
    public void AReaderOfQemuKeepsANodeReadOnly() => GraphRun.Run(async graph =>
    {
        await graph.AddAsync($"driver=qcow2,node-name=q,read-only=on,file.driver=file,file.node-name=f,file.filename={folder["a.qcow2"]}");
        using var qemu = Hold("qcow2", "-r");
        var e = await Assert.ThrowsAsync<BlockException>(async () => await ReopenAsync(graph, "driver=qcow2,node-name=q,file=f"));
        Assert.StartsWith("Failed to get \"write\" lock", e.Message);
        Assert.True(graph.Find("q").IsReadOnly && graph.Find("f").IsReadOnly);
        End(qemu);
        await ReopenAsync(graph, "driver=qcow2,node-name=q,file=f");
    });

    private static ValueTask ReopenAsync(BlockGraph graph, string options) =>
        GraphReopener.ReopenAsync(graph, [OptionTree.ParseKeyValues(options)]);

    private string QemuIo(string format, params string[] options) =>
        Tool.TryRun("qemu-io", [.. options, "-f", format, "-c", "quit", folder["a." + format]]).Output;

    // Keeps the image open until it is told to end.
    private Process Hold(string format, params string[] options)
    {
        var process = Tool.Start("qemu-io", [.. options, "-f", format, folder["a." + format]]);
        process.StandardInput.WriteLine("length");
        process.StandardInput.Flush();
        while (process.StandardOutput.ReadLine() is { } line && !line.Contains("MiB"))
        {
        }

        return process;
    }

    private static void End(Process process)
    {
        process.StandardInput.Close();
        process.WaitForExit();
    }
}
