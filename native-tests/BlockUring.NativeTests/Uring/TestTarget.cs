using BlockUring.Native.Uring;

namespace BlockUring.NativeTests.Uring;

/// <summary>A descriptor under test; closes it in the end.</summary>
internal sealed class TestTarget(int descriptor, int directAlignment = 0) : IoTarget(descriptor, directAlignment), IDisposable
{
    public static (TestTarget Left, TestTarget Right) SocketPair()
    {
        var (left, right) = Libc.SocketPair();
        return (new TestTarget(left), new TestTarget(right));
    }

    public void Dispose() => _ = Libc.Close(Descriptor);

    protected internal override Exception Failure(IoKind kind, long offset, long length, int errno) =>
        new TargetException(kind, offset, length, errno);
}

/// <summary>What a failed operation on a <see cref="TestTarget"/> throws.</summary>
internal sealed class TargetException(IoKind kind, long offset, long length, int errno) : Exception($"{kind} at {offset}+{length}: {errno}")
{
    public IoKind Kind => kind;

    public long Offset => offset;

    public long Length => length;

    public int Errno => errno;
}
