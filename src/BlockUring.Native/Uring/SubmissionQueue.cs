using System.Runtime.CompilerServices;
using BlockUring.Native.Interop;

namespace BlockUring.Native.Uring;

/// <summary>The submission queue's shared memory. The tail is ours, the head the kernel's.</summary>
internal sealed unsafe class SubmissionQueue
{
    private readonly IoUringSqe* entries;
    private readonly uint* kernelHead;
    private readonly uint* kernelTail;
    private readonly uint* kernelFlags;
    private readonly uint mask;
    private readonly uint count;
    private uint tail;

    public SubmissionQueue(byte* ring, byte* sqes, in IoUringParams parameters)
    {
        ref readonly var offsets = ref parameters.SqOffsets;
        entries = (IoUringSqe*)sqes;
        kernelHead = (uint*)(ring + offsets.Head);
        kernelTail = (uint*)(ring + offsets.Tail);
        kernelFlags = (uint*)(ring + offsets.Flags);
        mask = *(uint*)(ring + offsets.RingMask);
        count = *(uint*)(ring + offsets.RingEntries);
        tail = *kernelTail;
        if ((parameters.Flags & IoUringSetup.NoSqArray) != 0)
            return;
        var array = (uint*)(ring + offsets.Array);
        for (uint i = 0; i < count; i++)
            array[i] = i;
    }

    public bool HasOverflow => (Volatile.Read(ref *kernelFlags) & IoUringAbi.SqCqOverflow) != 0;

    public IoUringSqe* TryNext()
    {
        if (tail - Volatile.Read(ref *kernelHead) == count)
            return null;
        var entry = entries + (tail++ & mask);
        Unsafe.InitBlockUnaligned(entry, 0, (uint)sizeof(IoUringSqe));
        return entry;
    }

    /// <summary>Shows new entries to the kernel; returns how many it has not taken yet.</summary>
    public uint Publish()
    {
        Volatile.Write(ref *kernelTail, tail);
        return tail - Volatile.Read(ref *kernelHead);
    }
}
