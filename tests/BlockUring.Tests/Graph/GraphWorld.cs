using BlockUring.Graph;
using BlockUring.Images;
using BlockUring.Images.Qcow2;
using BlockUring.Native.Memory;
using BlockUring.Storage;
using Xunit;

namespace BlockUring.Tests.Graph;

/// <summary>A graph over files in memory. Nothing waits but what the test holds up: all else must have ended when a call returns.</summary>
internal sealed class GraphWorld : IDisposable
{
    public const ImagePermissions Reading = ImagePermissions.ConsistentRead;
    public const ImagePermissions Writing = ImagePermissions.ConsistentRead | ImagePermissions.Write;
    public const ImagePermissions ReadingOnly = ImagePermissions.ConsistentRead | ImagePermissions.WriteUnchanged;

    private readonly BufferPool buffers = new();

    public GraphWorld()
    {
        // Why: the engine's thread has none, and with one continuations would go elsewhere.
        SynchronizationContext.SetSynchronizationContext(null);
        Host = new TrackedHost(buffers);
        Scheduler = new ManualScheduler(buffers);
        Graph = new BlockGraph(Scheduler, Host);
    }

    public TrackedHost Host { get; }

    public ManualScheduler Scheduler { get; }

    public BlockGraph Graph { get; }

    public IEnumerable<string> Names => Graph.Nodes.Select(n => n.Name);

    public static T Done<T>(ValueTask<T> task)
    {
        Assert.True(task.IsCompleted, "it waits");
        return task.GetAwaiter().GetResult();
    }

    public static void Done(ValueTask task)
    {
        Assert.True(task.IsCompleted, "it waits");
        task.GetAwaiter().GetResult();
    }

    public static BlockException Fails<T>(ValueTask<T> task) => Fails(new ValueTask(task.AsTask()));

    public static BlockException Fails(ValueTask task)
    {
        Assert.True(task.IsCompleted, "it waits");
        return Assert.Throws<BlockException>(() => task.GetAwaiter().GetResult());
    }

    public void Dispose() => buffers.Dispose();

    public void MakeRaw(string path, long length = 1 << 20) => Host.Add(path, length);

    public void MakeQcow2(string path, string options = "", long length = 1 << 20) =>
        Done(new Qcow2Driver().CreateAsync(Host, new CreateRequest(path, length, OptionTree.ParseKeyValues(options).Values)));

    /// <summary>blockdev-add, with ' for ".</summary>
    public BlockNode Add(string json) => Done(GraphOpener.AddAsync(Graph, Options(json)));

    public string AddFails(string json)
    {
        var (names, open) = (Names.ToArray(), Host.Open.Count);
        var message = Fails(GraphOpener.AddAsync(Graph, Options(json))).Message;
        Assert.Equal(names, Names);
        Assert.Equal(open, Host.Open.Count);
        return message;
    }

    public void Delete(string name) => Done(GraphOpener.DeleteAsync(Graph, name));

    public string DeleteFails(string name) => Fails(GraphOpener.DeleteAsync(Graph, name)).Message;

    public void Reopen(params string[] list) => Done(GraphReopener.ReopenAsync(Graph, [.. list.Select(Options)]));

    public string ReopenFails(params string[] list) => Fails(GraphReopener.ReopenAsync(Graph, [.. list.Select(Options)])).Message;

    public DiskUser Use(
        BlockNode node, ImagePermissions needed = Reading, ImagePermissions shared = NodeLink.AllPermissions, string description = "export 'e'")
    {
        var user = new DiskUser(description);
        Graph.Attach(user, node, "root", needed, shared);
        return user;
    }

    public void Write(GuestDisk disk, long offset, int length, byte value, WriteFlags flags = WriteFlags.None) =>
        Done(WriteAsync(disk, offset, length, value, flags));

    public async ValueTask WriteAsync(GuestDisk disk, long offset, int length, byte value, WriteFlags flags = WriteFlags.None)
    {
        using var buffer = buffers.Rent(length);
        buffer.Span.Fill(value);
        await disk.WriteAsync(offset, buffer.Memory.Slice(0, length), flags);
    }

    public async ValueTask WriteAsync(DiskUser user, long offset, int length, byte value)
    {
        using var buffer = buffers.Rent(length);
        buffer.Span.Fill(value);
        await user.WriteAsync(offset, buffer.Memory.Slice(0, length));
    }

    public byte[] Read(GuestDisk disk, long offset, int length) => Done(ReadAsync(disk, offset, length));

    public async ValueTask<byte[]> ReadAsync(GuestDisk disk, long offset, int length)
    {
        using var buffer = buffers.Rent(Math.Max(1, length));
        buffer.Span.Fill(0xee);
        await disk.ReadAsync(offset, buffer.Memory.Slice(0, length));
        return buffer.Span[..length].ToArray();
    }

    /// <summary>Asserts that a range reads as one value.</summary>
    public void Expect(GuestDisk disk, long offset, int length, byte value) =>
        Assert.True(Read(disk, offset, length).All(b => b == value), $"{length} bytes at {offset} are not all {value}");

    public static OptionTree Options(string json) => OptionTree.ParseJson(json.Replace('\'', '"'));
}
