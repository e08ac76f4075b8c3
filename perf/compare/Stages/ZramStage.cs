using BlockUring.Compare.Cases;

namespace BlockUring.Compare.Stages;

/// <summary>
/// Compressed RAM disks, for many small requests: they serve a request in the context of whoever makes it, where a loop device hands all of them to
/// one kernel thread, which is then what is measured.
/// </summary>
internal sealed class ZramStage(long largestGuestBytes, CancellationToken cancellation) : Stage
{
    private const byte StaleByte = 0xA5;
    private const int ChunkBytes = 4 << 20;
    private const long MetadataRoomBytes = 64 * ByteSize.MiB;
    private readonly byte[] _chunk = new byte[ChunkBytes];
    private ZramDevice? _source;
    private ZramDevice? _target;

    public override string Name => "zram";

    public override string Description => "zram devices; what they take of a request's time counts as the requester's";

    /// <summary>Why there is no such stage here, or null.</summary>
    public static string? Missing() =>
        string.Equals(Environment.UserName, "root", StringComparison.Ordinal) ? ZramDevice.Missing() : "zram devices need root";

    public override Target TargetOf(CompareCase compareCase) => compareCase.RamTarget;

    public override string? Refuses(CompareCase compareCase) =>
        compareCase.Bench == null ? "zram compresses what is copied, which would be what is measured" : null;

    public override string PlaceSource(SourceImage source)
    {
        _source?.Dispose();
        _source = ZramDevice.Make(largestGuestBytes + MetadataRoomBytes);
        using var from = File.OpenHandle(source.Path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        using var to = File.OpenHandle(_source.Path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
        var length = RandomAccess.GetLength(from);
        for (long offset = 0; offset < length;)
        {
            cancellation.ThrowIfCancellationRequested();
            var count = RandomAccess.Read(from, _chunk, offset);
            RandomAccess.Write(to, _chunk.AsSpan(0, count), offset);
            offset += count;
        }

        return _source.Path;
    }

    public override string PlaceTarget(string format, long guestBytes)
    {
        _target?.Dispose();
        _target = ZramDevice.Make(guestBytes + MetadataRoomBytes);
        return _target.Path;
    }

    public override void BeforeRun()
    {
    }

    public override void SpoilTarget()
    {
        Array.Fill(_chunk, StaleByte);
        using var file = File.OpenHandle(_target!.Path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
        RandomAccess.Write(file, _chunk, 0);
    }

    public override void MakeTargetDurable() => Flush(_target!.Path);

    public override long? AllocatedTargetBytes() => null;

    public override void Dispose()
    {
        _source?.Dispose();
        _target?.Dispose();
    }
}
