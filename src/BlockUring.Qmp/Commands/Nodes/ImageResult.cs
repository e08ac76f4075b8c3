using System.Text.Json;

namespace BlockUring.Qmp.Commands.Nodes;

/// <summary>What is told of a node as an image ("ImageInfo").</summary>
internal sealed record ImageResult
{
    public required string Filename { get; init; }

    public required string Format { get; init; }

    public bool? DirtyFlag { get; init; }

    public long? ActualSize { get; init; }

    public required long VirtualSize { get; init; }

    public long? ClusterSize { get; init; }

    public bool? Encrypted { get; init; }

    public bool? Compressed { get; init; }

    public string? BackingFilename { get; init; }

    public string? FullBackingFilename { get; init; }

    public string? BackingFilenameFormat { get; init; }

    public IReadOnlyList<SnapshotResult>? Snapshots { get; init; }

    public ImageResult? BackingImage { get; init; }

    public JsonElement? FormatSpecific { get; init; }
}
