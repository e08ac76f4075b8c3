namespace BlockUring.Compare;

/// <summary>What one comparison run measures, and where.</summary>
internal sealed record CompareOptions
{
    /// <summary>The executable called as <c>BINARY img convert …</c>; ignored when <see cref="SelfCheck"/> is set.</summary>
    public string Binary { get; init; } = "blockuring";

    /// <summary>Times qemu-img against itself: what differs from 1.0 is the noise of the harness and the host.</summary>
    public bool SelfCheck { get; init; }

    /// <summary>The folder on the disk under test; a fresh folder is made inside it and removed at the end.</summary>
    public string Directory { get; init; } = "/var/tmp";

    /// <summary>Guest bytes of the plain copies.</summary>
    public long SizeBytes { get; init; }

    /// <summary>Guest bytes of the compressed cases.</summary>
    public long CompressedSizeBytes { get; init; }

    /// <summary>Interleaved pairs a comparison, after one dropped warm-up pair; runs of milliseconds get up to ten times as many.</summary>
    public int PairCount { get; init; }

    /// <summary>Words of which one must occur in a case's name; empty takes every case.</summary>
    public IReadOnlyList<string> CaseFilter { get; init; } = [];

    /// <summary>Names of the stages to run on: <c>disk</c>, <c>ram</c>.</summary>
    public IReadOnlyList<string> Stages { get; init; } = [];

    /// <summary>Names of the opponents: <c>best</c>, <c>defaults</c>, <c>nbdcopy</c>, <c>daemon</c>.</summary>
    public IReadOnlyList<string> Opponents { get; init; } = [];

    /// <summary>Seed of all source content.</summary>
    public ulong Seed { get; init; }

    /// <summary>File to write the JSON report to, or null.</summary>
    public string? JsonPath { get; init; }

    /// <summary>File to write the HTML report to, or null.</summary>
    public string? HtmlPath { get; init; }
}
