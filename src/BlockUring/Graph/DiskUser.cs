using System.Runtime.CompilerServices;
using BlockUring.Images;
using BlockUring.Native.Memory;
using BlockUring.Storage;

namespace BlockUring.Graph;

/// <summary>Plain requests to a node from outside: every one passes the user's gate, so that draining can hold them up.</summary>
/// <remarks>Why each is written out: a closure for every request is what a common method would cost.</remarks>
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
    [AsyncMethodBuilder(typeof(PooledTaskBuilder))]
    public async ValueTask ReadAsync(long offset, IoMemory destination)
    {
        await gate.EnterAsync();
        try
        {
            await Node.ReadAsync(offset, destination);
        }
        finally
        {
            gate.Exit();
        }
    }

    /// <summary><see cref="GuestDisk.WriteAsync"/>.</summary>
    [AsyncMethodBuilder(typeof(PooledTaskBuilder))]
    public async ValueTask WriteAsync(long offset, IoMemory source)
    {
        await gate.EnterAsync();
        try
        {
            await Node.WriteAsync(offset, source);
        }
        finally
        {
            gate.Exit();
        }
    }

    /// <summary><see cref="GuestDisk.WriteZeroesAsync"/>.</summary>
    [AsyncMethodBuilder(typeof(PooledTaskBuilder))]
    public async ValueTask WriteZeroesAsync(long offset, long length, WriteFlags flags)
    {
        await gate.EnterAsync();
        try
        {
            await Node.WriteZeroesAsync(offset, length, flags);
        }
        finally
        {
            gate.Exit();
        }
    }

    /// <summary><see cref="GuestDisk.DiscardAsync"/>.</summary>
    [AsyncMethodBuilder(typeof(PooledTaskBuilder))]
    public async ValueTask DiscardAsync(long offset, long length)
    {
        await gate.EnterAsync();
        try
        {
            await Node.DiscardAsync(offset, length);
        }
        finally
        {
            gate.Exit();
        }
    }

    /// <summary><see cref="GuestDisk.FlushAsync"/>.</summary>
    [AsyncMethodBuilder(typeof(PooledTaskBuilder))]
    public async ValueTask FlushAsync()
    {
        await gate.EnterAsync();
        try
        {
            await Node.FlushAsync();
        }
        finally
        {
            gate.Exit();
        }
    }

    /// <summary>Runs anything else inside the gate.</summary>
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
