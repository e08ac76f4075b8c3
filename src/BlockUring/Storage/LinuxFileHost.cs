using BlockUring.Native.Interop;
using BlockUring.Native.Memory;
using BlockUring.Native.Uring;

namespace BlockUring.Storage;

/// <summary>The host's file systems and devices, through one <see cref="IoThread"/>.</summary>
public sealed class LinuxFileHost : FileHost
{
    private readonly IoThread thread;

    /// <summary>Makes a host whose files do their I/O on <paramref name="thread"/>.</summary>
    public LinuxFileHost(IoThread thread) => this.thread = thread;

    /// <summary>Receives one line for each file that is opened otherwise than asked for (no O_DIRECT, say).</summary>
    public Action<string> Warn { get; init; } = _ => { };

    /// <inheritdoc/>
    public override BufferPool Buffers => thread.Buffers;

    /// <inheritdoc/>
    public override bool Exists(string path) => FileSystemCalls.Stat(path, out _) >= 0;

    /// <inheritdoc/>
    public override ValueTask<BlockFile> OpenAsync(string path, FileOpenOptions options)
    {
        var failed = $"Could not open '{path}'";
        var answer = FileSystemCalls.Stat(path, out var status);
        if (answer < 0)
            throw Fail(failed, -answer, path);
        DemandKind(path, options, status.Kind);
        var flags = options.ReadOnly ? OpenFlags.None : OpenFlags.Write;
        return new(Finish(path, OpenDescriptor(path, flags, options, failed), options, failed, isFresh: false));
    }

    /// <inheritdoc/>
    public override async ValueTask<BlockFile> CreateAsync(
        string path, long length, PreallocationMode preallocation, FileOpenOptions options)
    {
        var failed = $"Could not create '{path}'";
        var isDevice = FileSystemCalls.Stat(path, out var status) >= 0
            && status.Kind is FileKind.BlockDevice or FileKind.CharacterDevice;
        var flags = isDevice ? OpenFlags.Write : OpenFlags.Write | OpenFlags.Create;
        var file = Finish(path, OpenDescriptor(path, flags, options, failed), options, failed, isFresh: !isDevice);
        try
        {
            if (!isDevice)
                await file.SetLengthAsync(0);
            await file.SetLengthAsync(length, preallocation);
            return file;
        }
        catch
        {
            await file.DisposeAsync();
            throw;
        }
    }

    private HostFile Finish(string path, OpenedDescriptor opened, FileOpenOptions options, string failed, bool isFresh)
    {
        try
        {
            var answer = FileSystemCalls.Stat(opened.Descriptor, out var status);
            if (answer < 0)
                throw Fail($"{failed}: Could not stat file", -answer, path);
            if (!options.ReadOnly && status.Kind == FileKind.BlockDevice && FileSystemCalls.IsDeviceReadOnly(opened.Descriptor) > 0)
                throw Fail($"{failed}: The device is not writable", Errno.EACCES, path);
            var alignment = opened.IsDirect ? DirectAlignment.Discover(opened.Descriptor, status, Buffers) : default;
            if (opened.IsDirect && alignment.Request == 0)
            {
                FileSystemCalls.Close(opened.Descriptor);
                opened = OpenDescriptor(path, OpenFlags.None, options with { Cache = WithoutDirect(options) }, failed);
            }

            var note = options.CacheInForce.Direct && alignment.Request == 0
                ? $"'{path}' does not support O_DIRECT, going through the page cache"
                : null;
            if (note != null)
                Warn(note);
            return new HostFile(thread, new HostFileState(path, opened.Descriptor, options, status)
            {
                Length = LengthOf(path, opened.Descriptor, status, failed),
                Alignment = alignment,
                Note = note,
                IsFresh = isFresh,
            });
        }
        catch
        {
            FileSystemCalls.Close(opened.Descriptor);
            throw;
        }
    }

    private static CacheMode WithoutDirect(FileOpenOptions options) => options.CacheInForce with { Direct = false };

    private static OpenedDescriptor OpenDescriptor(string path, OpenFlags flags, FileOpenOptions options, string failed)
    {
        if (!options.ReadOnly)
            flags |= OpenFlags.Write;
        var descriptor = -Errno.EINVAL;
        if (options.CacheInForce.Direct)
            descriptor = FileSystemCalls.Open(path, flags | OpenFlags.Direct);
        var isDirect = descriptor >= 0;
        if (descriptor == -Errno.EINVAL)
            descriptor = FileSystemCalls.Open(path, flags);
        return descriptor >= 0 ? new(descriptor, isDirect) : throw Fail(failed, -descriptor, path);
    }

    private static long LengthOf(string path, int descriptor, FileStatus status, string failed)
    {
        var length = status.Kind switch
        {
            FileKind.Regular => status.Length,
            FileKind.BlockDevice => FileSystemCalls.DeviceLength(descriptor),
            _ => Math.Max(0, FileSystemCalls.EndOffset(descriptor)),
        };
        return length >= 0 ? length : throw Fail($"{failed}: Could not refresh total sector count", (int)-length, path);
    }

    private static void DemandKind(string path, FileOpenOptions options, FileKind kind)
    {
        if (kind is FileKind.Regular or FileKind.BlockDevice or FileKind.CharacterDevice)
            return;
        if (kind == FileKind.Directory && !options.ReadOnly)
            throw Fail($"Could not open '{path}'", Errno.EISDIR, path);
        throw new BlockException(BlockErrorKind.Invalid, $"Could not open '{path}': 'file' driver requires '{path}' to be a regular file")
        {
            Path = path,
        };
    }

    private static BlockException Fail(string what, int errno, string path) =>
        new(BlockException.KindOf(errno), $"{what}: {Errno.Message(errno)}", errno) { Path = path };

    private readonly record struct OpenedDescriptor(int Descriptor, bool IsDirect);
}
