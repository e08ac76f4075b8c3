using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using BlockUring.Storage;

namespace BlockUring.Bitmaps;

/// <summary>
/// Which chunks of a guest disk were written, as QEMU's dirty bitmaps: one bit for each chunk of <see cref="Granularity"/> bytes. Sparse: what is
/// clean or dirty in long runs takes no memory; finding the next dirty or clean chunk takes no scan.
/// </summary>
/// <remarks>One thread only. Offsets and lengths are bytes inside the disk.</remarks>
public sealed class DirtyBitmap
{
    /// <summary>The smallest granularity.</summary>
    public const int MinGranularity = 512;

    /// <summary>The largest granularity.</summary>
    public const long MaxGranularity = 1L << 31;

    /// <summary>The longest disk.</summary>
    public const long MaxLength = long.MaxValue & -MaxGranularity;

    private const int WordsPerRead = 512;

    private readonly BitTree bits;
    private readonly int shift;
    private DirtyBitmap? successor;

    /// <summary>Makes a clean, enabled bitmap.</summary>
    /// <param name="name">Unique on its node; null for one that only its maker knows.</param>
    /// <param name="length">Bytes of the disk, 0 to <see cref="MaxLength"/>.</param>
    /// <param name="granularity">Bytes of a chunk: a power of two, <see cref="MinGranularity"/> to <see cref="MaxGranularity"/>.</param>
    public DirtyBitmap(string? name, long length, long granularity)
    {
        if (!IsGranularity(granularity))
            throw new ArgumentOutOfRangeException(nameof(granularity), granularity, "A granularity is a power of two from 512 bytes to 2 GiB.");
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, MaxLength);
        Name = name;
        Length = length;
        Granularity = granularity;
        shift = BitOperations.Log2((ulong)granularity);
        bits = new BitTree(ChunkCount(length));
    }

    /// <summary>Null for one that only its maker knows.</summary>
    public string? Name { get; private set; }

    /// <summary>Bytes of the disk.</summary>
    public long Length { get; private set; }

    /// <summary>Bytes of a chunk.</summary>
    public long Granularity { get; }

    /// <summary>Dirty chunks times granularity: the last chunk counts as whole, as in QEMU.</summary>
    public long Count => bits.Count << shift;

    /// <summary>Whether the guest's writes are entered here.</summary>
    public bool IsEnabled { get; private set; } = true;

    /// <summary>Whether writes are entered here or in the successor: what queries call "recording".</summary>
    public bool IsRecording => IsEnabled || successor is { IsEnabled: true };

    /// <summary>Whether it is to be stored in the image when that is closed.</summary>
    public bool IsPersistent { get; set; }

    /// <summary>Whether it was not saved when its image was last used: it can only be removed.</summary>
    public bool IsInconsistent { get; set; }

    /// <summary>Whether its image is read-only: nothing may change the bits.</summary>
    public bool IsReadOnly { get; set; }

    /// <summary>Whether storing passes it by although it is persistent.</summary>
    public bool SkipsStore { get; set; }

    /// <summary>Whether its image holds exactly these bits. Set by who stores or loads them; any change takes it back.</summary>
    public bool IsStored { get; set; }

    /// <summary>Whether a job or an export holds it.</summary>
    public bool IsBusy { get; set; }

    /// <summary>Whether it is frozen; see <see cref="CreateSuccessor"/>.</summary>
    public bool HasSuccessor => successor != null;

    /// <summary>Whether no chunk is dirty.</summary>
    public bool IsAllClean => bits.Count == 0;

    /// <summary>
    /// The SHA-256 of the bits, in lower-case hexadecimal digits, as x-debug-block-dirty-bitmap-sha256 gives it: over words of 64 bits, little-endian,
    /// the first chunk in the lowest bit, at least one word. Takes time in proportion to the disk's length.
    /// </summary>
    public string Sha256Hex
    {
        get
        {
            using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            Span<ulong> words = stackalloc ulong[WordsPerRead];
            var count = Math.Max(1, (bits.Length + 63) >> 6);
            for (long done = 0; done < count; done += words.Length)
            {
                var part = words[..(int)Math.Min(words.Length, count - done)];
                bits.ReadWords(done, part);
                ToLittleEndian(part);
                hash.AppendData(MemoryMarshal.AsBytes(part));
            }

            return Convert.ToHexStringLower(hash.GetHashAndReset());
        }
    }

    /// <summary>The list that it is in, if any.</summary>
    public DirtyBitmapList? Owner { get; internal set; }

    /// <summary>Whether a number can be a granularity.</summary>
    public static bool IsGranularity(long granularity) =>
        granularity is >= MinGranularity and <= MaxGranularity && BitOperations.IsPow2(granularity);

    /// <summary>Makes every chunk dirty that the range touches, enabled or not.</summary>
    public void Set(long offset, long length)
    {
        DemandRange(offset, length);
        BeginChange();
        if (length > 0)
            bits.Fill(offset >> shift, ChunkCount(offset + length), true);
    }

    /// <summary>Makes whole chunks clean.</summary>
    /// <param name="offset">A multiple of the granularity.</param>
    /// <param name="length">A multiple too, or up to the end of the disk.</param>
    public void Reset(long offset, long length)
    {
        DemandRange(offset, length);
        BeginChange();
        var end = offset + length;
        if (((offset | (end == Length ? 0 : end)) & (Granularity - 1)) != 0)
            throw new ArgumentException($"{length} bytes at {offset} are not whole chunks of {Granularity} bytes", nameof(offset));
        bits.Fill(offset >> shift, ChunkCount(end), false);
    }

    /// <summary>Whether the chunk of a byte is dirty.</summary>
    public bool Get(long offset)
    {
        DemandRange(offset, 1);
        return bits[offset >> shift];
    }

    /// <summary>Makes everything clean.</summary>
    public void Clear()
    {
        BeginChange();
        bits.Fill(0, bits.Length, false);
    }

    /// <summary>Makes everything dirty.</summary>
    public void SetAll()
    {
        BeginChange();
        bits.Fill(0, bits.Length, true);
    }

    /// <summary>The first dirty byte from <paramref name="offset"/> on, before <paramref name="end"/>; -1 for none.</summary>
    public long NextDirty(long offset, long end) => Next(offset, end, true);

    /// <summary>The first clean byte from <paramref name="offset"/> on, before <paramref name="end"/>; -1 for none.</summary>
    public long NextClean(long offset, long end) => Next(offset, end, false);

    /// <summary>The first dirty run between two bytes, cut to them and to a length.</summary>
    /// <param name="start">Where to begin.</param>
    /// <param name="end">Where to stop.</param>
    /// <param name="maxLength">1 or more.</param>
    /// <param name="offset">The first dirty byte, <paramref name="start"/> or behind it.</param>
    /// <param name="length">Bytes of the run.</param>
    /// <returns>False when there is none.</returns>
    public bool NextDirtyArea(long start, long end, long maxLength, out long offset, out long length)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(maxLength, 1);
        length = 0;
        offset = NextDirty(start, end);
        if (offset < 0)
            return false;
        end = Math.Min(Math.Min(end, Length), maxLength > Length - offset ? Length : offset + maxLength);
        var clean = NextClean(offset, end);
        length = (clean < 0 ? end : clean) - offset;
        return true;
    }

    /// <summary>Makes everything dirty that is dirty in another bitmap, of whatever granularity.</summary>
    /// <exception cref="BlockException">The disks differ in length.</exception>
    public void Merge(DirtyBitmap source)
    {
        BeginChange();
        if (source.Length != Length)
        {
            throw new BlockException(
                BlockErrorKind.Invalid,
                $"Bitmaps are of different sizes (destination size is {Length}, source size is {source.Length}) and can't be merged");
        }

        if (source.shift == shift)
        {
            bits.Include(source.bits);
            return;
        }

        for (long at = 0; source.NextDirtyArea(at, Length, Length, out var offset, out var length); at = offset + length)
            Set(offset, length);
    }

    /// <summary>Makes the bits those of another bitmap, of whatever granularity.</summary>
    /// <exception cref="BlockException">The disks differ in length.</exception>
    public void CopyFrom(DirtyBitmap source)
    {
        if (source == this)
            return;
        if (source.Length == Length)
            Clear();
        Merge(source);
    }

    /// <summary>A bitmap of its own with the same bits and granularity: enabled, not persistent, in no list.</summary>
    public DirtyBitmap Clone(string? name)
    {
        var clone = new DirtyBitmap(name, Length, Granularity);
        clone.Merge(this);
        return clone;
    }

    /// <summary>From now on the guest's writes are entered.</summary>
    public void Enable() => SetEnabled(true);

    /// <summary>From now on the guest's writes are not entered.</summary>
    public void Disable() => SetEnabled(false);

    /// <summary>
    /// Freezes the bitmap, for a job: it keeps its bits and is busy, and writes are entered in a new, nameless bitmap in the same list, until
    /// <see cref="Abdicate"/> or <see cref="Reclaim"/>.
    /// </summary>
    /// <exception cref="BlockException">It is in use already.</exception>
    public DirtyBitmap CreateSuccessor()
    {
        if (IsBusy)
            throw new BlockException(BlockErrorKind.Locked, "Cannot create a successor for a bitmap that is in-use by an operation");
        if (successor != null)
            throw new BlockException(BlockErrorKind.Locked, "Cannot create a successor for a bitmap that already has one");
        successor = new DirtyBitmap(null, Length, Granularity) { IsEnabled = IsEnabled };
        Owner?.Add(successor);
        IsEnabled = false;
        IsBusy = true;
        return successor;
    }

    /// <summary>The successor takes the name, the persistence and the place in the list; the bits of this one are dropped.</summary>
    /// <returns>The successor, which replaces this bitmap; this one is of no use any more.</returns>
    public DirtyBitmap Abdicate()
    {
        var heir = TakeSuccessor();
        Owner?.Remove(this);
        (heir.Name, Name) = (Name, null);
        (heir.IsPersistent, IsPersistent) = (IsPersistent, false);
        (heir.SkipsStore, heir.IsReadOnly) = (SkipsStore, IsReadOnly);
        IsBusy = false;
        bits.Fill(0, bits.Length, false);
        return heir;
    }

    /// <summary>The successor's bits are merged back, and it is dropped: the bitmap is as if it had never been frozen.</summary>
    public void Reclaim()
    {
        var heir = TakeSuccessor();
        heir.Owner?.Remove(heir);
        IsStored &= heir.IsAllClean;
        bits.Include(heir.bits);
        IsEnabled = heir.IsEnabled;
        IsBusy = false;
    }

    /// <summary>Follows the disk's length: what is new is clean, what is gone is forgotten.</summary>
    public void Truncate(long length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, MaxLength);
        IsStored = false;
        bits.Resize(ChunkCount(length));
        Length = length;
    }

    /// <summary>Refuses in QEMU's words what the bitmap's state does not allow.</summary>
    /// <exception cref="BlockException">Why not.</exception>
    public void Demand(BitmapDemands demands)
    {
        if (IsBusy && (demands & BitmapDemands.NotBusy) != 0)
            throw new BlockException(BlockErrorKind.Locked, $"Bitmap '{Name}' is currently in use by another operation and cannot be used");
        if (IsReadOnly && (demands & BitmapDemands.Writable) != 0)
            throw new BlockException(BlockErrorKind.Access, $"Bitmap '{Name}' is readonly and cannot be modified");
        if (IsInconsistent && (demands & BitmapDemands.Consistent) != 0)
            throw new BlockException(BlockErrorKind.Invalid, $"Bitmap '{Name}' is inconsistent and cannot be used");
    }

    /// <summary>Copies bits as qcow2 stores them: the first chunk in the lowest bit of the first byte.</summary>
    /// <param name="firstChunk">The first chunk wanted, a multiple of 64.</param>
    /// <param name="destination">Receives them, a multiple of 8 bytes; what lies beyond the end is 0.</param>
    public void ReadBits(long firstChunk, Span<byte> destination)
    {
        if (((firstChunk & 63) | (uint)(destination.Length & 7)) != 0)
            throw new ArgumentException("Bits are copied in whole words of 64.", nameof(firstChunk));
        var words = MemoryMarshal.Cast<byte, ulong>(destination);
        bits.ReadWords(firstChunk >> 6, words);
        ToLittleEndian(words);
    }

    /// <summary>Makes chunks dirty by such bits; those beyond the end are ignored.</summary>
    /// <param name="firstChunk">The chunk of the first byte's lowest bit.</param>
    /// <param name="source">The bits.</param>
    public void IncludeBits(long firstChunk, ReadOnlySpan<byte> source)
    {
        BeginChange();
        for (var i = 0; i < source.Length; i++)
        {
            var from = firstChunk + (i * 8L);
            var end = Math.Min(from + 8, bits.Length);
            for (uint rest = source[i]; rest != 0 && from < end;)
            {
                var start = BitOperations.TrailingZeroCount(rest);
                var count = BitOperations.TrailingZeroCount(~(rest >> start));
                bits.Fill(Math.Min(from + start, end), Math.Min(from + start + count, end), true);
                rest &= ~(((1u << count) - 1) << start);
            }
        }
    }

    private static void ToLittleEndian(Span<ulong> words)
    {
        if (!BitConverter.IsLittleEndian)
            BinaryPrimitives.ReverseEndianness(words, words);
    }

    private long ChunkCount(long length) => (length >> shift) + ((length & (Granularity - 1)) == 0 ? 0 : 1);

    private long Next(long offset, long end, bool isDirty)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        end = Math.Min(end, Length);
        if (offset >= end)
            return -1;
        var chunk = bits.Next(offset >> shift, ChunkCount(end), isDirty);
        if (chunk < 0)
            return -1;
        return Math.Max(offset, chunk << shift);
    }

    private void SetEnabled(bool isEnabled)
    {
        if (successor != null)
            throw new InvalidOperationException("A frozen bitmap was enabled or disabled.");
        IsEnabled = isEnabled;
    }

    private DirtyBitmap TakeSuccessor()
    {
        var heir = successor ?? throw new InvalidOperationException("The bitmap has no successor.");
        successor = null;
        return heir;
    }

    private void BeginChange()
    {
        if (IsReadOnly)
            throw new InvalidOperationException($"The read-only bitmap '{Name}' was to be changed.");
        IsStored = false;
    }

    private void DemandRange(long offset, long length)
    {
        if (offset < 0 || length < 0 || offset > Length - length)
            throw new ArgumentOutOfRangeException(nameof(offset), $"{length} bytes at {offset} are not inside a disk of {Length} bytes");
    }
}
