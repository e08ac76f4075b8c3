namespace BlockUring.Compare.Cases;

/// <summary>The source images; each is made once a run, from the seed.</summary>
internal enum SourceKind
{
    /// <summary>Incompressible data, raw.</summary>
    RandomRaw,

    /// <summary>The same data in a qcow2 image that qemu-img wrote in order.</summary>
    RandomQcow2,

    /// <summary>Text-like, random and a few zero clusters, raw.</summary>
    MixedRaw,

    /// <summary>The mixed content in compressed (deflate) clusters.</summary>
    MixedZlib,

    /// <summary>The mixed content in compressed (zstd) clusters.</summary>
    MixedZstd,

    /// <summary>One percent of data in random extents, the rest holes, raw.</summary>
    SparseRaw,

    /// <summary>1 TiB with nothing in it, raw.</summary>
    EmptyRaw,

    /// <summary>1 TiB with nothing in it, qcow2.</summary>
    EmptyQcow2,

    /// <summary>Every cluster allocated, in random order.</summary>
    FragmentedQcow2,
}
