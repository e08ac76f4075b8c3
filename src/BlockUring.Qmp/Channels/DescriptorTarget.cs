using BlockUring.Native.Uring;
using BlockUring.Storage;

namespace BlockUring.Qmp.Channels;

/// <summary>A socket, pipe or terminal as the ring sees it.</summary>
internal sealed class DescriptorTarget(int descriptor, string name) : IoTarget(descriptor, 0)
{
    /// <inheritdoc/>
    protected override Exception Failure(IoKind kind, long offset, long length, int errno) => BlockException.FromErrno(errno, $"{kind} failed on", name);
}
