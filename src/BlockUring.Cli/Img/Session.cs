using BlockUring.Storage;

namespace BlockUring.Cli.Img;

/// <summary>Runs the I/O of a command: on a thread of its own with a ring, over the files of this host.</summary>
internal static class Session
{
    /// <summary>Runs <paramref name="body"/> to its end on the I/O thread and returns what it returns.</summary>
    public static T Run<T>(Func<FileHost, ValueTask<T>> body)
    {
        using var buffers = new Native.Memory.BufferPool();
        return body(new StandInFileHost(buffers)).AsTask().GetAwaiter().GetResult();
    }

    /// <summary>What of io_uring is used on this host, in lines.</summary>
    public static string DescribeRing() => "no ring yet";
}
