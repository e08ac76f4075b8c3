using BlockUring.Storage;

namespace BlockUring.Images;

/// <summary>
/// Host space for a guest write, reserved but not visible: write the data (and the copy-on-write edges) to it, then publish, or abandon.
/// Exactly one of the two, exactly once; a failed data write can therefore never expose stale bytes.
/// </summary>
/// <remarks>
/// The guest range [<see cref="GuestOffset"/> - <see cref="HeadLength"/>, <see cref="GuestOffset"/> + <see cref="Length"/> +
/// <see cref="TailLength"/>) is contiguous on the host; head and tail are the parts of new clusters outside the write, which must get the
/// content that readers see now (zero-filled already when the lengths are 0).
/// </remarks>
public abstract class WriteReservation
{
    /// <summary>First guest byte of the write.</summary>
    public long GuestOffset { get; protected set; }

    /// <summary>Bytes of the write.</summary>
    public long Length { get; protected set; }

    /// <summary>The file to write to.</summary>
    public BlockFile File { get; protected set; } = null!;

    /// <summary>The host offset for <see cref="GuestOffset"/>.</summary>
    public long HostOffset { get; protected set; }

    /// <summary>Bytes before the write that the caller copies from the image as it reads now, to just before <see cref="HostOffset"/>.</summary>
    public long HeadLength { get; protected set; }

    /// <summary>Bytes after the write that the caller copies likewise.</summary>
    public long TailLength { get; protected set; }

    /// <summary>Makes the written data visible in the format's tables. To be called after the data writes completed.</summary>
    public abstract ValueTask PublishAsync();

    /// <summary>Gives the space back; readers see what they saw before.</summary>
    public abstract void Abandon();
}
