using BlockUring.Compare.Measuring;

namespace BlockUring.Compare.Reports;

/// <summary>Everything the three outputs show.</summary>
internal sealed record Report
{
    /// <summary>How the two sides are kept equal in what survives a power loss.</summary>
    public const string Durability =
        "equal on both sides: after the command has ended the target is flushed with fsync, inside the measured wall time, "
        + "whatever the cache mode";

    /// <summary>How the figures come about.</summary>
    public const string Method =
        "pairs in turns A B B A after a dropped warm-up; ratio = median under test / median of the opponent; "
        + "spread = smallest and largest ratio of one pair; "
        + "\"in noise\": the middle half of the pairs lies on both sides of 1; "
        + "stock spread = interquartile range / median of the opponent's wall times; "
        + "CPU = user + system time of the process and its descendants (wait4), kernel threads of loop devices and write-back not included; "
        + "memory = peak resident set of the largest process; system calls from separate runs under strace; "
        + "each target was checked with qemu-img compare, qcow2 targets with qemu-img check too";

    public required CompareOptions Options { get; init; }

    public required HostFacts Host { get; init; }

    public required IReadOnlyDictionary<string, string> Stages { get; init; }

    public required IReadOnlyList<Comparison> Rows { get; init; }

    public required IReadOnlyList<string> Notes { get; init; }

    /// <summary>The run was stopped: rows are missing.</summary>
    public bool IsInterrupted { get; init; }

    /// <summary>Rows in report order, one group a stage and opponent.</summary>
    public IEnumerable<IGrouping<(string Stage, string Opponent), Comparison>> Groups =>
        Rows.GroupBy(row => (row.Stage, row.Opponent.Title));

    /// <summary>What the figures depend on, named, in reading order.</summary>
    public IEnumerable<(string Name, string Value)> Facts
    {
        get
        {
            var sizes = $"{ByteSize.Format(Options.SizeBytes)} plain, {ByteSize.Format(Options.CompressedSizeBytes)} compressed";
            var busy = Host.IsBusy ? ": the host was busy with other work, and the figures suffer from it" : "";
            yield return ("Machine", $"{Host.Processor}, {Host.ProcessorCount} CPUs, {ByteSize.Format(Host.MemoryBytes)} memory");
            yield return ("System", $"Linux {Host.Kernel}, {Host.System}");
            yield return ("Versions", string.Join("; ", Host.Versions.Select(version => $"{version.Key}: {version.Value}")));
            yield return ("Date", $"{Host.Date:yyyy-MM-dd HH:mm} UTC");
            yield return ("Load at the start", Figures.Two(Host.LoadAverage) + busy);
            yield return ("Content", $"{sizes}, seed {Options.Seed}");
            yield return ("Durability", Durability);
            yield return ("Method", Method);
            foreach (var stage in Stages)
                yield return (stage.Key == "disk" ? $"Disk ({Host.DiskFileSystem})" : stage.Key == "ram" ? "RAM" : "zram", stage.Value);
        }
    }

    /// <summary>The flags the program under test gets in a group.</summary>
    public static string SubjectTitle(Comparison row) =>
        row.Opponent.SubjectFlags.Count == 0 ? "default flags" : string.Join(' ', row.Opponent.SubjectFlags);
}
