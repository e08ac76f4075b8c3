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
    public override bool Exists(string path) => ProtocolOf(path) != null || FileSystemCalls.Stat(path, out _) >= 0;

    /// <inheritdoc/>
    public override bool AreSame(string path, string other) =>
        FileSystemCalls.Stat(path, out var one) >= 0
        && FileSystemCalls.Stat(other, out var two) >= 0
        && (one.Inode, one.DeviceMajor, one.DeviceMinor) == (two.Inode, two.DeviceMajor, two.DeviceMinor);

    /// <inheritdoc/>
    public override IReadOnlyList<string> ListFiles(string directory)
    {
        var failed = $"Could not read directory '{directory}'";
        try
        {
            var files = new List<string>();
            var count = 0;
            foreach (var path in Directory.EnumerateFileSystemEntries(directory))
            {
                if (++count > MaxListed)
                    throw new BlockException(BlockErrorKind.Limit, $"{failed}: it has more than {MaxListed} entries") { Path = directory };
                if (FileSystemCalls.Stat(path, out var status) >= 0 && status.Kind == FileKind.Regular)
                    files.Add(path);
            }

            files.Sort(StringComparer.Ordinal);
            return files;
        }
        catch (DirectoryNotFoundException)
        {
            throw new BlockException(BlockErrorKind.NotFound, $"{failed}: {Errno.Message(Errno.ENOENT)}") { Path = directory };
        }
        catch (UnauthorizedAccessException)
        {
            throw new BlockException(BlockErrorKind.Access, $"{failed}: {Errno.Message(Errno.EACCES)}") { Path = directory };
        }
        catch (IOException e)
        {
            throw new BlockException(BlockErrorKind.Io, $"{failed}: {e.Message}") { Path = directory };
        }
    }

    /// <inheritdoc/>
    public override ValueTask<BlockFile> OpenAsync(string path, FileOpenOptions options)
    {
        var failed = $"Could not open '{path}'";
        if (options is { ForceShare: true, ReadOnly: false })
            throw new BlockException(BlockErrorKind.Invalid, $"{failed}: force-share=on can only be used with read-only images") { Path = path };
        var answer = FileSystemCalls.Stat(path, out var status);
        if (answer < 0)
            throw Fail(failed, -answer, path);
        DemandKind(path, options, status.Kind);
        var opened = OpenDescriptor(path, options.ReadOnly ? OpenFlags.None : OpenFlags.Write, options, failed);
        try
        {
            if (options is { Locking: true, LocksFollowUse: false })
                ImageLock.Acquire(opened.Descriptor, path, failed + ": ", ImageLock.NeededBy(options), ImageLock.UnsharedBy(options));
            return new(Finish(path, opened, options, failed, isFresh: false));
        }
        catch
        {
            FileSystemCalls.Close(opened.Descriptor);
            throw;
        }
    }

    /// <inheritdoc/>
    /// <remarks>
    /// Messages are QEMU's, some of which do not name the file. The first sector of a device is zeroed, so that an old header is not taken
    /// for the new image's.
    /// </remarks>
    public override async ValueTask<BlockFile> CreateAsync(
        string path, long length, PreallocationMode preallocation, FileOpenOptions options)
    {
        if (ProtocolOf(path) is { } protocol)
            return await protocol.OpenForFillingAsync(path, length, options);
        var failed = $"Could not create '{path}'";
        var isDevice = FileSystemCalls.Stat(path, out var status) >= 0 && status.Kind is FileKind.BlockDevice or FileKind.CharacterDevice;
        var opened = OpenDescriptor(path, isDevice ? OpenFlags.Write : OpenFlags.Write | OpenFlags.Create, options, failed);
        HostFile file;
        try
        {
            if (options.Locking)
                LockForCreation(opened.Descriptor, path, options);
            if (!isDevice)
                Empty(path, opened.Descriptor);
            file = Finish(path, opened, options, failed, isFresh: !isDevice);
        }
        catch
        {
            FileSystemCalls.Close(opened.Descriptor);
            throw;
        }

        return await SizeAsync(file, length, preallocation, options);
    }

    private static async ValueTask<BlockFile> SizeAsync(HostFile file, long length, PreallocationMode preallocation, FileOpenOptions options)
    {
        try
        {
            await file.SetLengthAsync(length, preallocation);
            if (!file.IsFresh)
                await file.WriteZeroesAsync(0, Math.Min(file.Length, 512), mayUnmap: false);
            if (options.Locking && options.ShareWrite)
                file.ShareResize();
            return file;
        }
        catch
        {
            await file.DisposeAsync();
            throw;
        }
    }

    // Whoever creates a file sets its length, so nobody else may meanwhile.
    private static void LockForCreation(int descriptor, string path, FileOpenOptions options) => ImageLock.Acquire(
        descriptor,
        path,
        "",
        ImageLock.NeededBy(options) | ImagePermissions.Resize,
        ImageLock.UnsharedBy(options) | ImagePermissions.Resize);

    private static void Empty(string path, int descriptor)
    {
        var answer = FileSystemCalls.SetLength(descriptor, 0);
        if (answer < 0)
            throw Fail("Could not resize file", -answer, path);
    }

    private HostFile Finish(string path, OpenedDescriptor opened, FileOpenOptions options, string failed, bool isFresh)
    {
        var descriptor = opened.Descriptor;
        var answer = FileSystemCalls.Stat(descriptor, out var status);
        if (answer < 0)
            throw Fail($"{failed}: Could not stat file", -answer, path);
        if (!options.ReadOnly && status.Kind == FileKind.BlockDevice && FileSystemCalls.IsDeviceReadOnly(descriptor) > 0)
            throw Fail($"{failed}: The device is not writable", Errno.EACCES, path);
        var length = LengthOf(path, descriptor, status, failed);
        var alignment = opened.IsDirect ? DirectAlignment.Discover(descriptor, status, Buffers) : default;
        if (opened.IsDirect && alignment.Request == 0)
            FileSystemCalls.StopDirect(descriptor);
        var note = options.CacheInForce.Direct && alignment.Request == 0
            ? $"'{path}' does not support O_DIRECT, going through the page cache"
            : null;
        if (note != null)
            Warn(note);
        return new HostFile(thread, new HostFileState(path, descriptor, options, status)
        {
            Length = length,
            Alignment = alignment,
            Note = note,
            IsFresh = isFresh,
        });
    }

    private static OpenedDescriptor OpenDescriptor(string path, OpenFlags flags, FileOpenOptions options, string failed)
    {
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
        var length = status.Kind == FileKind.BlockDevice
            ? FileSystemCalls.DeviceLength(descriptor)
            : FileSystemCalls.EndOffset(descriptor);
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
