using BlockUring.Native.Uring;

namespace BlockUring.Native.Channels;

/// <summary>A socket, pipe or terminal as the ring sees it. Its operations answer error numbers; none throws.</summary>
/// <param name="descriptor">Open while operations are in flight.</param>
/// <param name="name">What messages call it.</param>
public sealed class DescriptorTarget(int descriptor, string name) : IoTarget(descriptor, 0)
{
    /// <inheritdoc/>
    protected internal override Exception Failure(IoKind kind, long offset, long length, int errno) =>
        new IOException($"{kind} failed on '{name}': {Interop.Errno.Message(errno)}");
}
