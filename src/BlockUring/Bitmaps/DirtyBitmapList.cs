using System.Collections;
using BlockUring.Storage;

namespace BlockUring.Bitmaps;

/// <summary>The dirty bitmaps of one node of the graph: every write to it is entered in all that are enabled.</summary>
/// <remarks>One thread only. Messages are those of qemu-storage-daemon 7.2.</remarks>
public sealed class DirtyBitmapList : IReadOnlyList<DirtyBitmap>
{
    /// <summary>The longest name, in bytes of UTF-8.</summary>
    public const int MaxNameBytes = 1023;

    private readonly List<DirtyBitmap> items = [];

    /// <summary>How many there are, nameless ones included.</summary>
    public int Count => items.Count;

    /// <summary>By order of adding. Queries show the newest first, as QEMU does; an heir counts from when it became the successor.</summary>
    public DirtyBitmap this[int index] => items[index];

    /// <summary>Checks the words of a new bitmap, makes it, clean and enabled, and adds it.</summary>
    /// <param name="name">Not empty, no longer than <see cref="MaxNameBytes"/>, new here.</param>
    /// <param name="length">Bytes of the node's disk.</param>
    /// <param name="granularity">See <see cref="DirtyBitmap.IsGranularity"/>.</param>
    /// <exception cref="BlockException">Why not.</exception>
    public DirtyBitmap Create(string name, long length, long granularity)
    {
        if (name.Length == 0)
            throw new BlockException(BlockErrorKind.Invalid, "Bitmap name cannot be empty");
        if (granularity < DirtyBitmap.MinGranularity || !System.Numerics.BitOperations.IsPow2(granularity))
            throw new BlockException(BlockErrorKind.Invalid, "Granularity must be power of 2 and at least 512");
        if (granularity > DirtyBitmap.MaxGranularity)
            throw new BlockException(BlockErrorKind.Limit, $"Granularity cannot be more than {DirtyBitmap.MaxGranularity}");
        DemandNew(name);
        if (System.Text.Encoding.UTF8.GetByteCount(name) > MaxNameBytes)
            throw new BlockException(BlockErrorKind.Invalid, $"Bitmap name too long: {name}");
        var bitmap = new DirtyBitmap(name, length, granularity);
        Add(bitmap);
        return bitmap;
    }

    /// <summary>Adds a bitmap that is in no list yet. A nameless one is for jobs, and found by nobody else.</summary>
    /// <exception cref="BlockException">There is one of that name.</exception>
    public void Add(DirtyBitmap bitmap)
    {
        if (bitmap.Owner != null)
            throw new InvalidOperationException("A bitmap can be in one list only.");
        if (bitmap.Name is { } name)
            DemandNew(name);
        bitmap.Owner = this;
        items.Add(bitmap);
    }

    /// <summary>Takes a bitmap out, whatever its state: who removes one by a user's wish demands <see cref="BitmapDemands.Removable"/> first.</summary>
    public void Remove(DirtyBitmap bitmap)
    {
        if (!items.Remove(bitmap))
            throw new InvalidOperationException("The bitmap is not in this list.");
        bitmap.Owner = null;
    }

    /// <summary>The bitmap of a name; null for none.</summary>
    public DirtyBitmap? Find(string name) => items.Find(b => b.Name == name);

    /// <summary>The bitmap of a name.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="demands">What its state must allow.</param>
    /// <exception cref="BlockException">There is none, or its state does not allow that.</exception>
    public DirtyBitmap Get(string name, BitmapDemands demands = BitmapDemands.None)
    {
        var bitmap = Find(name) ?? throw new BlockException(BlockErrorKind.NotFound, $"Dirty bitmap '{name}' not found");
        bitmap.Demand(demands);
        return bitmap;
    }

    /// <summary>Refuses a name that is taken.</summary>
    /// <exception cref="BlockException">There is a bitmap of that name.</exception>
    public void DemandNew(string name)
    {
        if (Find(name) != null)
            throw new BlockException(BlockErrorKind.Invalid, $"Bitmap already exists: {name}");
    }

    /// <summary>Enters a write to the node: to be called before the write is reported as done. Costs nothing while there are no bitmaps.</summary>
    public void MarkWritten(long offset, long length)
    {
        foreach (var bitmap in items)
        {
            if (bitmap.IsEnabled)
                bitmap.Set(offset, length);
        }
    }

    /// <summary>Follows the length of the node's disk.</summary>
    public void Truncate(long length)
    {
        foreach (var bitmap in items)
            bitmap.Truncate(length);
    }

    /// <inheritdoc/>
    public IEnumerator<DirtyBitmap> GetEnumerator() => items.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
