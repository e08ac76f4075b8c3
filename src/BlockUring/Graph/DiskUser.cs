using System.Runtime.CompilerServices;
using BlockUring.Images;
using BlockUring.Native.Memory;
using BlockUring.Storage;

namespace BlockUring.Graph;

/// <summary>Plain requests to a node from outside: every one passes the user's gate, so that draining can hold them up.</summary>
public sealed class DiskUser : NodeUser
{
    private readonly RequestGate gate = new();

    /// <summary>Makes a user that is attached to nothing yet.</summary>
    /// <param name="description">As messages name it.</param>
    public DiskUser(string description) => Description = description;

    /// <inheritdoc/>
    public override string Description { get; }

    /// <summary>The node used first.</summary>
    public BlockNode Node => Links[0].Node;

    /// <inheritdoc/>
    public override ValueTask QuiesceAsync() => gate.CloseAsync();

    /// <inheritdoc/>
    public override void Resume() => gate.Open();

    /// <summary><see cref="GuestDisk.ReadAsync"/>.</summary>
    public ValueTask ReadAsync(long offset, IoMemory destination) => RunAsync(n => n.ReadAsync(offset, destination));

    /// <summary><see cref="GuestDisk.WriteAsync"/>.</summary>
    public ValueTask WriteAsync(long offset, IoMemory source) => RunAsync(n => n.WriteAsync(offset, source));

    /// <summary><see cref="GuestDisk.WriteZeroesAsync"/>.</summary>
    public ValueTask WriteZeroesAsync(long offset, long length, WriteFlags flags) => RunAsync(n => n.WriteZeroesAsync(offset, length, flags));

    /// <summary><see cref="GuestDisk.DiscardAsync"/>.</summary>
    public ValueTask DiscardAsync(long offset, long length) => RunAsync(n => n.DiscardAsync(offset, length));

    /// <summary><see cref="GuestDisk.FlushAsync"/>.</summary>
    public ValueTask FlushAsync() => RunAsync(n => n.FlushAsync());

    /// <summary>Runs anything inside the gate.</summary>
    [AsyncMethodBuilder(typeof(PooledTaskBuilder))]
    public async ValueTask RunAsync(Func<BlockNode, ValueTask> request)
    {
        await gate.EnterAsync();
        try
        {
            await request(Node);
        }
        finally
        {
            gate.Exit();
        }
    }
}
