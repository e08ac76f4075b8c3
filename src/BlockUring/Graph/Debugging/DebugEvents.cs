namespace BlockUring.Graph.Debugging;

/// <summary>QEMU's names of the points at which a blkdebug rule may act. Those that have a constant, here or in <see cref="Storage.FileSteps"/>, happen; the others never do.</summary>
internal static class DebugEvents
{
    public const string None = "none";
    public const string ReadAio = "read_aio";
    public const string WriteAio = "write_aio";
    public const string FlushToOs = "flush_to_os";
    public const string FlushToDisk = "flush_to_disk";
    public const string Write = "pwritev";
    public const string WriteZeroes = "pwritev_zero";
    public const string WriteDone = "pwritev_done";
    public const string ReadHead = "pwritev_rmw_head";
    public const string ReadTail = "pwritev_rmw_tail";

    /// <summary>All names.</summary>
    public static IReadOnlyList<string> All { get; } =
    [
        "l1_update", "l1_grow_alloc_table", "l1_grow_write_table", "l1_grow_activate_table", "l2_load", "l2_update",
        "l2_update_compressed", "l2_alloc_cow_read", "l2_alloc_write", ReadAio, "read_backing_aio", "read_compressed", WriteAio,
        "write_compressed", "vmstate_load", "vmstate_save", "cow_read", "cow_write", "reftable_load", "reftable_grow",
        "reftable_update", "refblock_load", "refblock_update", "refblock_update_part", "refblock_alloc", "refblock_alloc_hookup",
        "refblock_alloc_write", "refblock_alloc_write_blocks", "refblock_alloc_write_table", "refblock_alloc_switch_table",
        "cluster_alloc", "cluster_alloc_bytes", "cluster_free", FlushToOs, FlushToDisk, ReadHead, "pwritev_rmw_after_head",
        ReadTail, "pwritev_rmw_after_tail", Write, WriteZeroes, WriteDone, "empty_image_prepare", "l1_shrink_write_table",
        "l1_shrink_free_l2_clusters", "cor_write", "cluster_alloc_space", None,
    ];
}
