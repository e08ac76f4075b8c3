namespace BlockUring.Images.Qcow2;

/// <summary>What looking at one L2 table has found.</summary>
/// <param name="Corruptions">Problems of its entries.</param>
/// <param name="AllocatedClusters">Guest clusters with a place in a file.</param>
/// <param name="FragmentedClusters">Those that do not follow the one before.</param>
/// <param name="CompressedClusters">Those that are compressed.</param>
internal readonly record struct TableTally(long Corruptions, int AllocatedClusters, int FragmentedClusters, int CompressedClusters);
