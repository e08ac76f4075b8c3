namespace BlockUring.Compare.Measuring;

/// <summary>What is compared; in every one less is better.</summary>
internal enum Metric
{
    Wall,
    Cpu,
    Memory,
    SystemCalls,
}
