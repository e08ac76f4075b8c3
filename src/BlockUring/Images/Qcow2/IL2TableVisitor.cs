using BlockUring.Native.Memory;
using BlockUring.Storage;

namespace BlockUring.Images.Qcow2;

/// <summary>Looks at the L2 tables that an <see cref="L2TableWalk"/> comes by, in the order of the L1 table.</summary>
internal interface IL2TableVisitor
{
    /// <summary>Whether an L1 entry is of interest at all.</summary>
    bool Wants(ulong l1Entry);

    /// <summary>Looks at the L1 entry itself.</summary>
    /// <returns>Whether its table is to be visited.</returns>
    ValueTask<bool> EnterAsync(long l1Index, ulong l1Entry);

    /// <summary>Looks at the table; it is borrowed until the task ends.</summary>
    ValueTask<TableTally> VisitAsync(IoMemory table);

    /// <summary>A table that has been visited comes again, and is not read again.</summary>
    void Revisit(TableTally tally);

    /// <summary>An L1 or L2 table cannot be read; the walk ends.</summary>
    /// <param name="isL1">Which.</param>
    /// <param name="failure">Why.</param>
    void ReadFailed(bool isL1, BlockException failure);
}
