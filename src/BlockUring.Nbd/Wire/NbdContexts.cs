namespace BlockUring.Nbd.Wire;

/// <summary>Metadata contexts and what they say.</summary>
public static class NbdContexts
{
    /// <summary>Holes and zeroes (NBD protocol, "base:allocation metadata context").</summary>
    public const string Allocation = "base:allocation";

    /// <summary>How many layers down the data lies: 0 nowhere, 1 in the export's own layer (QEMU, docs/interop/nbd.rst).</summary>
    public const string AllocationDepth = "qemu:allocation-depth";

    /// <summary>Begins the name of a context that shows a dirty bitmap (QEMU, docs/interop/nbd.rst).</summary>
    public const string DirtyBitmapPrefix = "qemu:dirty-bitmap:";

    /// <summary>Of <see cref="Allocation"/>: takes no space.</summary>
    public const uint Hole = 1;

    /// <summary>Of <see cref="Allocation"/>: reads as zeroes.</summary>
    public const uint Zero = 2;

    /// <summary>Of a dirty bitmap: is dirty.</summary>
    public const uint Dirty = 1;
}
