namespace BlockUring.Images.Qcow2;

/// <summary>Header bytes 80 to 87: bits that may be ignored.</summary>
[Flags]
internal enum CompatibleFeatures : ulong
{
    None = 0,

    /// <summary>A writer may postpone refcount updates, with the dirty bit set.</summary>
    LazyRefcounts = 1 << 0,
}
