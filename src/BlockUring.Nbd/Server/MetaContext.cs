using BlockUring.Bitmaps;
using BlockUring.Nbd.Wire;

namespace BlockUring.Nbd.Server;

/// <summary>A metadata context of an export.</summary>
/// <param name="Id">What replies call it; the numbers are QEMU's.</param>
/// <param name="Name">What clients ask for.</param>
/// <param name="Bitmap">The bitmap that it shows; null for the two about allocation.</param>
internal sealed record MetaContext(uint Id, string Name, DirtyBitmap? Bitmap = null)
{
    private const string Base = "base:";
    private const string Qemu = "qemu:";

    /// <summary>Whether it tells how deep the data lies.</summary>
    public bool IsDepth => Name == NbdContexts.AllocationDepth;

    /// <summary>All contexts of an export.</summary>
    public static IReadOnlyList<MetaContext> Of(NbdExportOptions options)
    {
        List<MetaContext> all = [new(0, NbdContexts.Allocation)];
        if (options.HasAllocationDepth)
            all.Add(new(1, NbdContexts.AllocationDepth));
        foreach (var bitmap in options.Bitmaps)
            all.Add(new((uint)(2 + all.Count(c => c.Bitmap != null)), NbdContexts.DirtyBitmapPrefix + bitmap.Name, bitmap));
        return all;
    }

    /// <summary>Whether a query means this context.</summary>
    /// <param name="query">As the client sent it.</param>
    /// <param name="isList">A list takes prefixes that end in a colon, too.</param>
    public bool Matches(string query, bool isList) =>
        query == Name || (isList && query is Base or Qemu or NbdContexts.DirtyBitmapPrefix && Name.StartsWith(query, StringComparison.Ordinal));
}
