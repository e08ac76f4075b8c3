namespace BlockUring.Storage;

/// <summary>What a format is about to do with its file, under QEMU's names of the points at which a blkdebug rule may act.</summary>
public static class FileSteps
{
    /// <summary>A table of the second level is read.</summary>
    public const string L2Load = "l2_load";

    /// <summary>Tables of the second level are written.</summary>
    public const string L2Update = "l2_update";

    /// <summary>A new table of the second level is made.</summary>
    public const string L2AllocWrite = "l2_alloc_write";

    /// <summary>One is copied, because a snapshot has it too.</summary>
    public const string L2AllocCowRead = "l2_alloc_cow_read";

    /// <summary>Entries of the first level are written.</summary>
    public const string L1Update = "l1_update";

    /// <summary>Room for a longer table of the first level is taken.</summary>
    public const string L1GrowAllocTable = "l1_grow_alloc_table";

    /// <summary>It is written.</summary>
    public const string L1GrowWriteTable = "l1_grow_write_table";

    /// <summary>The header is to point to it.</summary>
    public const string L1GrowActivateTable = "l1_grow_activate_table";

    /// <summary>The table of the first level gets shorter.</summary>
    public const string L1ShrinkWriteTable = "l1_shrink_write_table";

    /// <summary>What it pointed to is given back.</summary>
    public const string L1ShrinkFreeL2Clusters = "l1_shrink_free_l2_clusters";

    /// <summary>The refcount table is read.</summary>
    public const string RefTableLoad = "reftable_load";

    /// <summary>It moves to where there is more room.</summary>
    public const string RefTableGrow = "reftable_grow";

    /// <summary>Entries of it are written.</summary>
    public const string RefTableUpdate = "reftable_update";

    /// <summary>A refcount block is read.</summary>
    public const string RefBlockLoad = "refblock_load";

    /// <summary>Refcount blocks are written.</summary>
    public const string RefBlockUpdate = "refblock_update";

    /// <summary>The same: QEMU has two names for it.</summary>
    public const string RefBlockUpdatePart = "refblock_update_part";

    /// <summary>A new refcount block is made.</summary>
    public const string RefBlockAlloc = "refblock_alloc";

    /// <summary>It is written.</summary>
    public const string RefBlockAllocWrite = "refblock_alloc_write";

    /// <summary>The refcount table is to point to it.</summary>
    public const string RefBlockAllocHookup = "refblock_alloc_hookup";

    /// <summary>The header is to point to a refcount table that has moved.</summary>
    public const string RefBlockAllocSwitchTable = "refblock_alloc_switch_table";

    /// <summary>Clusters are taken.</summary>
    public const string ClusterAlloc = "cluster_alloc";

    /// <summary>Bytes for a compressed cluster are taken.</summary>
    public const string ClusterAllocBytes = "cluster_alloc_bytes";

    /// <summary>Clusters are given back.</summary>
    public const string ClusterFree = "cluster_free";

    /// <summary>What surrounds a write in its cluster is read.</summary>
    public const string CowRead = "cow_read";

    /// <summary>It is written.</summary>
    public const string CowWrite = "cow_write";

    /// <summary>A compressed cluster is read.</summary>
    public const string ReadCompressed = "read_compressed";

    /// <summary>Compressed clusters are written.</summary>
    public const string WriteCompressed = "write_compressed";

    /// <summary>The backing disk is read.</summary>
    public const string ReadBackingAio = "read_backing_aio";
}
