namespace BlockUring.Jobs.Rebase;

/// <summary>What is to be done with one run of the overlay.</summary>
internal enum RebaseAction
{
    /// <summary>The overlay holds it, or both chains show the same.</summary>
    Skip,

    /// <summary>The old chain shows zeroes, and the new one something else: store zeroes.</summary>
    Zero,

    /// <summary>The new chain shows zeroes: store what the old one shows, as far as that is something else.</summary>
    Copy,

    /// <summary>Store what the old chain shows where the new one shows something else.</summary>
    Compare,
}
