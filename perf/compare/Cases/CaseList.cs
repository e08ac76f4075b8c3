namespace BlockUring.Compare.Cases;

/// <summary>Every case there is, in the order of the report.</summary>
internal static class CaseList
{
    private static readonly Target _plainDisk = new(Wall: 1.0, Cpu: 0.4);
    private static readonly Target _plainRam = new(Wall: 0.75, Cpu: 0.45);
    private static readonly Target _jobDisk = new(Wall: 1.0, Cpu: 0.5);
    private static readonly Target _jobRam = new(Wall: 0.8, Cpu: 0.5);
    private static readonly Target _compressedRead = new(Wall: 0.7, Cpu: null);
    private static readonly Target _zlibWrite = new(Wall: 0.5, Cpu: null);
    private static readonly Target _empty = new(Wall: 1.0, Cpu: null);
    private static readonly Target _smallRam = new(Wall: 1 / 1.5, Cpu: 0.6);
    private static readonly Target _sequentialRam = new(Wall: 1 / 1.2, Cpu: 0.6);
    private static readonly Target _info = new(Wall: 0.5, Cpu: null);

    public static IReadOnlyList<CompareCase> All { get; } =
    [
        Plain("raw-raw", SourceKind.RandomRaw, "raw") with { NbdcopyCan = true },
        Plain("raw-qcow2", SourceKind.RandomRaw, "qcow2"),
        Plain("qcow2-raw", SourceKind.RandomQcow2, "raw") with { NbdcopyCan = true },
        Plain("qcow2-qcow2", SourceKind.RandomQcow2, "qcow2"),
        Plain("fragmented-raw", SourceKind.FragmentedQcow2, "raw"),
        Copy("zlib-write", SourceKind.MixedRaw, "qcow2", _zlibWrite) with { Arguments = ["-c"] },
        Copy("zstd-write", SourceKind.MixedRaw, "qcow2", Target.None) with { Arguments = ["-c", "-o", "compression_type=zstd"] },
        Copy("zlib-read", SourceKind.MixedZlib, "raw", _compressedRead),
        Copy("zstd-read", SourceKind.MixedZstd, "raw", _compressedRead),
        Copy("sparse-raw", SourceKind.SparseRaw, "raw", Target.None) with { NbdcopyCan = true },
        Copy("sparse-qcow2", SourceKind.SparseRaw, "qcow2", Target.None),
        Copy("empty-raw-qcow2", SourceKind.EmptyRaw, "qcow2", _empty) with
        {
            IsWithoutData = true,
            NotOnBlockDevices = "a block device has no holes, so 1 TiB would have to be read",
        },
        Copy("empty-qcow2-qcow2", SourceKind.EmptyQcow2, "qcow2", _empty) with { IsWithoutData = true },
        new()
        {
            Name = "info",
            Source = SourceKind.RandomQcow2,
            DiskTarget = _info,
            RamTarget = _info,
            IsWithoutData = true,
        },
        Bench("bench-read-4k", _smallRam, new BenchWork(IsWrite: false, 4096, 4096 * 7919, 4096)),
        Bench("bench-allocate-4k", _smallRam, new BenchWork(IsWrite: true, 4096, 65536 * 7919, 65536)),
        Bench("bench-allocate-64k", _sequentialRam, new BenchWork(IsWrite: true, 65536, 65536, 65536)),
        Job("backup", "backup-raw-raw", SourceKind.RandomRaw, "raw"),
        Job("backup", "backup-raw-qcow2", SourceKind.RandomRaw, "qcow2"),
        Job("backup", "backup-qcow2-qcow2", SourceKind.RandomQcow2, "qcow2"),
        Stream("stream-raw", SourceKind.RandomRaw),
        Stream("stream-qcow2", SourceKind.RandomQcow2),
        Job("mirror", "mirror-raw-raw", SourceKind.RandomRaw, "raw"),
        Job("mirror", "mirror-raw-qcow2", SourceKind.RandomRaw, "qcow2"),
        Job("mirror", "mirror-qcow2-qcow2", SourceKind.RandomQcow2, "qcow2"),
        Job("commit", "commit-qcow2-raw", SourceKind.RandomQcow2, "raw"),
        Job("commit", "commit-qcow2-qcow2", SourceKind.RandomQcow2, "qcow2"),
        Job("commit", "commit-fragmented-qcow2", SourceKind.FragmentedQcow2, "qcow2"),
        Job("active-commit", "active-commit", SourceKind.RandomQcow2, "qcow2"),
    ];

    private static CompareCase Bench(string name, Target ram, BenchWork work) => new()
    {
        Name = name,
        Source = SourceKind.RandomQcow2,
        TargetFormat = work.IsWrite ? "qcow2" : null,
        DiskTarget = Target.None,
        RamTarget = ram,
        Bench = work,
        IsWithoutData = true,
    };

    private static CompareCase Job(string job, string name, SourceKind source, string format) =>
        new() { Name = name, Source = source, TargetFormat = format, DiskTarget = _jobDisk, RamTarget = _jobRam, Job = job };

    private static CompareCase Stream(string name, SourceKind source) =>
        new() { Name = name, Source = source, TargetFormat = "qcow2", DiskTarget = Target.None, RamTarget = Target.None, Job = "stream" };

    private static CompareCase Plain(string name, SourceKind source, string format) =>
        new() { Name = name, Source = source, TargetFormat = format, DiskTarget = _plainDisk, RamTarget = _plainRam };

    private static CompareCase Copy(string name, SourceKind source, string format, Target target) =>
        new() { Name = name, Source = source, TargetFormat = format, DiskTarget = target, RamTarget = target };
}
