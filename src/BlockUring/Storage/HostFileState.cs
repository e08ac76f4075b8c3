using BlockUring.Native.Interop;

namespace BlockUring.Storage;

/// <summary>What is known of a host file once it is open; a <see cref="HostFile"/> takes the descriptor over.</summary>
internal sealed record HostFileState(string Path, int Descriptor, FileOpenOptions Options, FileStatus Status)
{
    /// <summary>Bytes.</summary>
    public long Length { get; init; }

    /// <summary>Zero when requests go through the page cache.</summary>
    public DirectAlignment Alignment { get; init; }

    /// <summary>What differs from what was asked for; null when nothing does.</summary>
    public string? Note { get; init; }

    /// <summary>Whether this process has just made the file.</summary>
    public bool IsFresh { get; init; }
}
