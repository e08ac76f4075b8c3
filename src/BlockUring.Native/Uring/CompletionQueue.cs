using BlockUring.Native.Interop;

namespace BlockUring.Native.Uring;

/// <summary>The completion queue's shared memory. The head is ours, the tail the kernel's.</summary>
internal sealed unsafe class CompletionQueue
{
    private readonly IoUringCqe* entries;
    private readonly uint* kernelHead;
    private readonly uint* kernelTail;
    private readonly uint mask;
    private uint head;

    public CompletionQueue(byte* ring, in IoUringParams parameters)
    {
        ref readonly var offsets = ref parameters.CqOffsets;
        entries = (IoUringCqe*)(ring + offsets.Cqes);
        kernelHead = (uint*)(ring + offsets.Head);
        kernelTail = (uint*)(ring + offsets.Tail);
        mask = *(uint*)(ring + offsets.RingMask);
        head = *kernelHead;
    }

    public bool IsEmpty => Volatile.Read(ref *kernelTail) == head;

    /// <summary>Takes the oldest completion.</summary>
    public bool TryTake(out IoUringCqe entry)
    {
        if (IsEmpty)
        {
            entry = default;
            return false;
        }

        entry = entries[head & mask];
        Volatile.Write(ref *kernelHead, ++head);
        return true;
    }
}
