using BlockUring.Compare.Cases;
using BlockUring.Compare.Running;
using Microsoft.Win32.SafeHandles;

namespace BlockUring.Compare.Stages;

/// <summary>
/// Loop devices with direct I/O over files on a tmpfs of huge pages. The pages are written once and kept: fresh tmpfs pages of a virtual
/// machine cost faults in its host, which would drown the differences to be seen.
/// </summary>
internal sealed class RamStage : Stage
{
    private const byte StaleByte = 0xA5;
    private const int ChunkBytes = 4 << 20;
    private const long MetadataRoomBytes = 64 * ByteSize.MiB;
    private readonly string _mountPoint;
    private readonly long _capacityBytes;
    private readonly byte[] _chunk = new byte[ChunkBytes];
    private readonly CancellationToken _cancellation;
    private bool _isMounted;
    private LoopDevice? _source;
    private LoopDevice? _target;

    private RamStage(string directory, long largestGuestBytes, CancellationToken cancellation)
    {
        _cancellation = cancellation;
        _mountPoint = Path.Combine(directory, "ram");
        _capacityBytes = largestGuestBytes + MetadataRoomBytes;
    }

    public override string Name => "ram";

    public override string Description =>
        "loop devices (direct-io) over files on a huge=always tmpfs, written once and kept; "
        + "before each run holes the last one punched are filled again";

    private string SourceFile => Path.Combine(_mountPoint, "source");

    private string TargetFile => Path.Combine(_mountPoint, "target");

    /// <summary>Makes the devices; null with the reason when the host or the user's rights do not allow it.</summary>
    public static RamStage? TryCreate(string directory, long largestGuestBytes, out string? reason, CancellationToken cancellation)
    {
        var stage = new RamStage(directory, largestGuestBytes, cancellation);
        reason = stage.MissingNeed();
        if (reason is not null)
            return null;
        try
        {
            stage.Mount();
            return stage;
        }
        catch (Exception error)
        {
            stage.Dispose();
            // Why: an interrupt reaches mount and losetup too, and their failing is then no reason.
            cancellation.ThrowIfCancellationRequested();
            if (error is not (ToolException or IOException))
                throw;
            reason = error.Message;
            return null;
        }
    }

    public override Target TargetOf(CompareCase compareCase) => compareCase.RamTarget;

    public override string? Refuses(CompareCase compareCase) => compareCase.NotOnBlockDevices;

    public override string PlaceSource(SourceImage source)
    {
        _source?.Dispose();
        _source = null;
        using (var from = File.OpenHandle(source.Path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite))
        using (var to = File.OpenHandle(SourceFile, FileMode.Open, FileAccess.Write, FileShare.ReadWrite))
        {
            var length = RandomAccess.GetLength(from);
            if (length > _capacityBytes)
                throw new ToolException($"the source image has {ByteSize.Format(length)}, the device {ByteSize.Format(_capacityBytes)}");
            for (long offset = 0; offset < length;)
            {
                _cancellation.ThrowIfCancellationRequested();
                var count = RandomAccess.Read(from, _chunk, offset);
                RandomAccess.Write(to, _chunk.AsSpan(0, count), offset);
                offset += count;
            }

            _source = LoopDevice.Attach(SourceFile, source.Format == "raw" ? length : RoundUpToBlock(length));
        }

        return _source.Path;
    }

    public override string PlaceTarget(string format, long guestBytes)
    {
        _target?.Dispose();
        _target = null;
        // Why: a raw image is its whole device, so the device must have its exact size.
        _target = LoopDevice.Attach(TargetFile, format == "raw" ? guestBytes : _capacityBytes);
        return _target.Path;
    }

    // Writing zeroes to a loop device punches holes into its file and gives the pages back. The page cache of the device itself needs no
    // care: the kernel drops it when the last user closes the device, which is before this.
    public override void BeforeRun()
    {
        if (_target is not null)
            FillHoles(TargetFile);
    }

    public override void SpoilTarget()
    {
        using var file = File.OpenHandle(TargetFile, FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
        Fill(file, 0, _capacityBytes);
    }

    public override void MakeTargetDurable() => Flush(_target!.Path);

    public override long? AllocatedTargetBytes() => null;

    public override void Dispose()
    {
        _source?.Dispose();
        _target?.Dispose();
        if (_isMounted)
            Tool.Run("umount", _mountPoint);
        _isMounted = false;
        if (Directory.Exists(_mountPoint))
            Directory.Delete(_mountPoint);
    }

    private string? MissingNeed()
    {
        if (!string.Equals(Environment.UserName, "root", StringComparison.Ordinal))
            return "loop devices and mounts need root";
        if (!Tool.Exists("losetup"))
            return "losetup is not installed";
        var needed = (2 * _capacityBytes) + ByteSize.GiB;
        var available = HostFacts.MemoryKiB("MemAvailable") * ByteSize.KiB;
        return available < needed ? $"needs {ByteSize.Format(needed)} of free memory, and {ByteSize.Format(available)} are there" : null;
    }

    private void Mount()
    {
        Directory.CreateDirectory(_mountPoint);
        var mountOptions = $"huge=always,mode=0700,size={(2 * _capacityBytes) + MetadataRoomBytes}";
        Tool.Run("mount", "-t", "tmpfs", "-o", mountOptions, "blockuring-compare", _mountPoint);
        _isMounted = true;
        foreach (var path in (string[])[SourceFile, TargetFile])
        {
            using (var file = File.OpenHandle(path, FileMode.CreateNew, FileAccess.Write))
                RandomAccess.SetLength(file, _capacityBytes);
            FillHoles(path);
        }

        // Loop devices may be forbidden where mounts are not: find out now.
        LoopDevice.Attach(SourceFile, _capacityBytes).Dispose();
    }

    private void FillHoles(string path)
    {
        using var file = File.OpenHandle(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
        for (long offset = 0; ;)
        {
            var hole = Libc.Seek(file, offset, Libc.SeekHole);
            if (hole < 0 || hole >= _capacityBytes)
                return;
            var data = Libc.Seek(file, hole, Libc.SeekData);
            var end = data < 0 ? _capacityBytes : data;
            Fill(file, hole, end);
            offset = end;
        }
    }

    private void Fill(SafeFileHandle file, long start, long end)
    {
        Array.Fill(_chunk, StaleByte);
        for (var offset = start; offset < end; offset += ChunkBytes)
        {
            _cancellation.ThrowIfCancellationRequested();
            RandomAccess.Write(file, _chunk.AsSpan(0, (int)Math.Min(ChunkBytes, end - offset)), offset);
        }
    }

    private static long RoundUpToBlock(long bytes) => (bytes + 4095) & ~4095L;
}
