using BlockUring.Native.Channels;
using BlockUring.Native.Interop;
using BlockUring.Native.Memory;
using BlockUring.Native.Uring;
using BlockUring.Storage;

namespace BlockUring.Qmp.Channels;

/// <summary>A file that takes what is sent and perhaps another one to read from, or the two ends of a pipe. It owns their descriptors.</summary>
internal sealed class FileChardev : OneClientChardev
{
    private readonly IoThread thread;
    private readonly string backend;
    private readonly int input;
    private readonly int output;

    private FileChardev(IoThread thread, string label, string backend, int input, int output)
        : base(label)
    {
        this.thread = thread;
        this.backend = backend;
        this.input = input;
        this.output = output;
    }

    /// <inheritdoc/>
    public override string Filename => backend;

    /// <summary>Opens files.</summary>
    /// <exception cref="BlockException">"Could not open 'PATH': reason".</exception>
    public static FileChardev OpenFile(IoThread thread, ChardevOptions options)
    {
        var output = Open(options.Path!, OpenFlags.WriteOnly | OpenFlags.Create | (options.Appends ? OpenFlags.Append : OpenFlags.Truncate));
        if (options.InputPath == null)
            return new(thread, options.Id, options.Backend, -1, output);
        var input = FileSystemCalls.Open(options.InputPath, OpenFlags.None);
        if (input >= 0)
            return new(thread, options.Id, options.Backend, input, output);
        _ = FileSystemCalls.Close(output);
        throw Failure(options.InputPath, input);
    }

    /// <summary>Opens the two pipes PATH.in and PATH.out, or PATH itself for both directions where there are none.</summary>
    /// <exception cref="BlockException">"Could not open 'PATH': reason".</exception>
    /// <remarks>Why for reading and writing: so the open waits for nobody, and a writer that goes away does not end the pipe.</remarks>
    public static FileChardev OpenPipe(IoThread thread, ChardevOptions options)
    {
        var input = FileSystemCalls.Open(options.Path + ".in", OpenFlags.Write);
        var output = FileSystemCalls.Open(options.Path + ".out", OpenFlags.Write);
        if (input >= 0 && output >= 0)
            return new(thread, options.Id, options.Backend, input, output);
        if (Math.Max(input, output) >= 0)
            _ = FileSystemCalls.Close(Math.Max(input, output));
        var both = Open(options.Path!, OpenFlags.Write);
        return new(thread, options.Id, options.Backend, both, both);
    }

    /// <inheritdoc/>
    protected override ByteChannel Connect() =>
        input < 0 ? new FileChannel(thread, output, Close) : new StreamChannel(thread, input, output, Close);

    /// <inheritdoc/>
    protected override void Abandon() => Close();

    private static int Open(string path, OpenFlags flags)
    {
        var descriptor = FileSystemCalls.Open(path, flags);
        return descriptor >= 0 ? descriptor : throw Failure(path, descriptor);
    }

    private static BlockException Failure(string path, int answer) =>
        new(BlockException.KindOf(-answer), $"Could not open '{path}': {Errno.Message(-answer)}", -answer);

    private void Close()
    {
        _ = FileSystemCalls.Close(output);
        if (input >= 0 && input != output)
            _ = FileSystemCalls.Close(input);
    }

    private sealed class FileChannel(IoThread thread, int descriptor, Action close) : SilentChannel
    {
        private readonly DescriptorTarget target = new(descriptor, "file");

        public override ValueTask<int> SendAsync(IoMemory source) => thread.Queue.WriteStreamAsync(target, source);

        protected override void Dispose(bool isDisposing) => close();
    }
}
