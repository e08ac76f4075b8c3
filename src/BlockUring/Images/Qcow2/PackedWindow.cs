using BlockUring.Native.Memory;
using BlockUring.Storage;

namespace BlockUring.Images.Qcow2;

/// <summary>One read of compressed bytes that several clusters share. Goes back to the pool when its last user has left.</summary>
internal sealed class PackedWindow
{
    private readonly IoBuffer buffer;
    private int userCount = 1;

    private PackedWindow(long start, IoBuffer buffer)
    {
        Start = start;
        this.buffer = buffer;
    }

    /// <summary>Host offset of the first byte.</summary>
    public long Start { get; }

    /// <summary>Ends when the bytes are here, or with the failure of the read.</summary>
    public Arrival Arrival { get; } = new();

    /// <summary>Starts a read. The caller is the first user.</summary>
    public static PackedWindow Read(BlockFile file, long start, int length)
    {
        var window = new PackedWindow(start, file.Buffers.Rent(length));
        _ = window.FillAsync(file);
        return window;
    }

    /// <summary>Whether all of a cluster's bytes are in here.</summary>
    public bool Covers(CompressedDescriptor descriptor) =>
        descriptor.HostOffset >= Start && descriptor.HostOffset + descriptor.Length <= Start + buffer.Length;

    /// <summary>A cluster's bytes; valid until the user leaves.</summary>
    public IoMemory BytesOf(CompressedDescriptor descriptor) =>
        buffer.Memory.Slice((int)(descriptor.HostOffset - Start), descriptor.Length);

    /// <summary>One more user.</summary>
    public void Enter() => userCount++;

    /// <summary>One user fewer.</summary>
    public void Leave()
    {
        if (--userCount == 0)
            buffer.Dispose();
    }

    // Is a user itself, so that the buffer stays until the kernel is done with it; it leaves before the others go on, who may end all.
    private async Task FillAsync(BlockFile file)
    {
        Enter();
        Exception? failure = null;
        try
        {
            await file.ReadAsync(Start, buffer.Memory);
        }
#pragma warning disable CA1031 // Thrown to all who wait.
        catch (Exception e)
#pragma warning restore CA1031
        {
            failure = e;
        }

        Leave();
        if (failure == null)
            Arrival.Succeed();
        else
            Arrival.Fail(failure);
    }
}
