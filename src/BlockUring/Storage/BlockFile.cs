using BlockUring.Native.Memory;

namespace BlockUring.Storage;

/// <summary>
/// Bytes that can be read and written at any offset: a host file, a block device, memory. Transfers are whole or fail; short I/O ends
/// below this type. Also the seam where tests put a disk that reorders, tears, loses and fails.
/// </summary>
/// <remarks>
/// All members are called on the thread that owns the file's I/O. Every request fails with <see cref="BlockException"/> that names path
/// and offset. Buffers belong to the file from the call until the returned task ends.
/// </remarks>
public abstract class BlockFile : IAsyncDisposable
{
    /// <summary>The name to print in messages: as the user gave it.</summary>
    public abstract string Path { get; }

    /// <summary>Current length in bytes.</summary>
    public abstract long Length { get; }

    /// <summary>Whether writes are refused.</summary>
    public abstract bool IsReadOnly { get; }

    /// <summary>What fast requests look like.</summary>
    public abstract BlockLimits Limits { get; }

    /// <summary>Where callers rent buffers for this file.</summary>
    public abstract BufferPool Buffers { get; }

    /// <summary>
    /// Whether the file was made by this process in this run and everything never written to it reads as zeroes. A block device never says so.
    /// </summary>
    public virtual bool IsFresh => false;

    /// <summary>Whether writing or setting the length beyond the end grows it, with zeroes in between; false for block devices.</summary>
    public virtual bool CanGrow => true;

    /// <summary>The file that does the work: this one, or what it passes requests to.</summary>
    public virtual BlockFile Underlying => this;

    /// <summary>Fills <paramref name="destination"/> from <paramref name="offset"/>; what lies beyond the end of the file reads as zeroes.</summary>
    /// <param name="offset">Bytes, 0 or more, any alignment.</param>
    /// <param name="destination">Any length and alignment; aligned ones are fast (see <see cref="Limits"/>).</param>
    public abstract ValueTask ReadAsync(long offset, IoMemory destination);

    /// <summary>Writes all of <paramref name="source"/> at <paramref name="offset"/>, growing a regular file where needed.</summary>
    /// <param name="offset">Bytes, 0 or more, any alignment.</param>
    /// <param name="source">Any length and alignment; unaligned edges are read, changed and written under a range lock.</param>
    public abstract ValueTask WriteAsync(long offset, IoMemory source);

    /// <summary>Makes a range read as zeroes by the cheapest means that holds; a regular file grows where needed.</summary>
    /// <param name="offset">Bytes, 0 or more.</param>
    /// <param name="length">Bytes, 0 or more.</param>
    /// <param name="mayUnmap">Whether the space may be given back to the host.</param>
    public abstract ValueTask WriteZeroesAsync(long offset, long length, bool mayUnmap);

    /// <summary>Gives space back where the host can; what the range reads as afterwards is not promised. Never fails for lack of support.</summary>
    public abstract ValueTask DiscardAsync(long offset, long length);

    /// <summary>Makes all completed writes durable (fdatasync), unless the cache mode is unsafe.</summary>
    public abstract ValueTask FlushAsync();

    /// <summary>Sets the length of a regular file. On a block device only lengths up to the device's are accepted, and change nothing.</summary>
    /// <param name="length">New length in bytes.</param>
    /// <param name="preallocation">How the added part is reserved.</param>
    public abstract ValueTask SetLengthAsync(long length, PreallocationMode preallocation = PreallocationMode.Off);

    /// <summary>The run of data or hole that starts at <paramref name="offset"/>.</summary>
    /// <param name="offset">Bytes, 0 or more; at or beyond the end everything is a hole.</param>
    /// <param name="maxLength">Bytes, 1 or more; the answer is not longer.</param>
    public virtual ValueTask<FileExtent> GetExtentAsync(long offset, long maxLength) =>
        offset >= Length
            ? new(new FileExtent(maxLength, true))
            : new(new FileExtent(Math.Min(maxLength, Length - offset), false));

    /// <summary>
    /// Copies a range from another file inside the host (reflink or copy_file_range), without passing it through this process.
    /// </summary>
    /// <returns>False when the host cannot do that for these two files; then nothing is promised about the target range.</returns>
    public virtual ValueTask<bool> TryCopyRangeAsync(BlockFile source, long sourceOffset, long targetOffset, long length) => new(false);

    /// <summary>Bytes that the file takes on the host's disk; -1 when unknown.</summary>
    public virtual long AllocatedBytes => -1;

    /// <summary>
    /// Why the length cannot be changed, in QEMU's words; null where it can, or where the attempt tells. <see cref="SetLengthAsync"/> still takes
    /// what fits into the file, and changes nothing then.
    /// </summary>
    public virtual string? FixedLengthReason => null;

    /// <summary>Whether requests may wait for a peer that never answers.</summary>
    public virtual bool DependsOnPeer => false;

    /// <summary>
    /// Whoever waits for requests has given up: what depends on a peer that does not answer fails soon. What the peer does answer ends as ever.
    /// </summary>
    public virtual void CancelInFlight()
    {
    }

    /// <summary>Hears what the next request is for, one of <see cref="FileSteps"/>. Nothing comes of it but where a test makes such requests fail.</summary>
    public virtual void Announce(string step)
    {
    }

    /// <summary>
    /// Says to other processes what is done with the file and what they may do (image locks). Where locks were turned off, nothing happens.
    /// </summary>
    /// <param name="needed">What this process does.</param>
    /// <param name="shared">What others may do.</param>
    /// <exception cref="BlockException">Another process objects; what was said before still holds.</exception>
    public virtual void SetPermissions(ImagePermissions needed, ImagePermissions shared)
    {
    }

    /// <summary>Flushes nothing; releases locks and the descriptor.</summary>
    public ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        return CloseAsync();
    }

    /// <summary>Releases what the file owns; see <see cref="DisposeAsync"/>.</summary>
    protected virtual ValueTask CloseAsync() => ValueTask.CompletedTask;
}
