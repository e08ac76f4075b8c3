using System.Runtime.InteropServices;
using BlockUring.Native.Interop;
using static Tmds.Linux.LibC;

namespace BlockUring.Native.Uring;

/// <summary>An eventfd by which other threads wake one that waits in its ring.</summary>
internal sealed unsafe class WakeEvent : IoTarget, IDisposable
{
    private readonly ulong* value;
    private readonly Lock closing = new();
    private bool closed;

    public WakeEvent()
        : base(Open(), 0)
    {
        value = (ulong*)NativeMemory.AllocZeroed(sizeof(ulong));
        *value = 1;
    }

    /// <summary>Where a read of the counter goes.</summary>
    public void* Target { get; } = NativeMemory.AllocZeroed(sizeof(ulong));

    /// <summary>Wakes the owner. Any thread.</summary>
    public void Signal()
    {
        // Why: without the lock a late signal could go to whatever file has got the number of the closed descriptor.
        lock (closing)
        {
            if (!closed)
                _ = write(Descriptor, value, sizeof(ulong));
        }
    }

    // Why: the two words stay allocated; the kernel may still hold a read of one when the ring is torn down.
    public void Dispose()
    {
        lock (closing)
        {
            if (!closed)
                _ = close(Descriptor);
            closed = true;
        }
    }

    protected internal override Exception Failure(IoKind kind, long offset, long length, int errno) =>
        new InvalidOperationException($"The wake-up event failed: {Errno.Message(errno)}");

    private static int Open()
    {
        var descriptor = eventfd(0, EFD_CLOEXEC);
        return descriptor >= 0
            ? descriptor
            : throw new InvalidOperationException($"Could not make an event descriptor: {Errno.Message(Errno.Last)}");
    }
}
