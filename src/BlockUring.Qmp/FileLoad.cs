using BlockUring.Native.Interop;
using BlockUring.Native.Uring;
using Microsoft.Win32.SafeHandles;

namespace BlockUring.Qmp;

/// <summary>Reads the beginning of a file that a client has named, on a worker thread.</summary>
/// <param name="path">The file.</param>
/// <param name="maxBytes">How much of it; a device like /dev/zero has no end.</param>
internal sealed class FileLoad(string path, int maxBytes) : WorkItem
{
    private const int FirstBytes = 64 << 10;

    /// <summary>What was read.</summary>
    public byte[] Content { get; private set; } = [];

    /// <summary>Why it was not; 0 when it was.</summary>
    public int ErrorNumber { get; private set; }

    /// <summary>Runs on the calling thread.</summary>
    public void RunHere() => Execute();

    /// <inheritdoc/>
    protected override void Execute()
    {
        try
        {
            using var handle = File.OpenHandle(path);
            Content = ReadSome(handle);
        }
        catch (Exception e) when (e is IOException or ArgumentException)
        {
            ErrorNumber = e is FileNotFoundException or DirectoryNotFoundException or ArgumentException ? Errno.ENOENT : Errno.EIO;
        }
        catch (UnauthorizedAccessException)
        {
            ErrorNumber = Directory.Exists(path) ? Errno.EISDIR : Errno.EACCES;
        }
    }

    private byte[] ReadSome(SafeFileHandle handle)
    {
        var buffer = new byte[Math.Min(maxBytes, FirstBytes)];
        var length = 0;
        for (int count; length < maxBytes && (count = RandomAccess.Read(handle, buffer.AsSpan(length), length)) > 0;)
        {
            length += count;
            if (length == buffer.Length && length < maxBytes)
                Array.Resize(ref buffer, (int)Math.Min(maxBytes, 2L * length));
        }

        return buffer[..length];
    }
}
