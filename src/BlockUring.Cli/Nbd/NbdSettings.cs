using System.Globalization;
using BlockUring.Cli.Img;
using BlockUring.Graph;
using BlockUring.Storage;

namespace BlockUring.Cli.Nbd;

/// <summary>What a command line of `blockuring nbd` asks for.</summary>
internal sealed class NbdSettings
{
    private const long MaxPort = 65535;

    /// <summary>The address that clients come to.</summary>
    public string Host { get; set; } = "0.0.0.0";

    public int Port { get; private set; } = 10809;

    /// <summary>A unix socket; null for TCP.</summary>
    public string? SocketPath { get; private set; }

    /// <summary>Clients at a time; 0 for no limit.</summary>
    public int MaxConnections { get; private set; } = 1;

    public bool IsPersistent { get; set; }

    public bool IsVerbose { get; set; }

    public string ExportName { get; set; } = "";

    public string? Description { get; set; }

    public long Offset { get; private set; }

    public bool HasAllocationDepth { get; set; }

    public List<string> Bitmaps { get; } = [];

    public List<string> Objects { get; } = [];

    public string? TlsCredentials { get; set; }

    public string? TlsAuthorization { get; set; }

    public bool Forks { get; set; }

    public string? PidPath { get; set; }

    public string? Format { get; set; }

    public bool IsReadOnly { get; set; }

    public SnapshotChoice? Snapshot { get; private set; }

    /// <summary>Null where nothing was said.</summary>
    public CacheMode? Cache { get; private set; }

    public bool Unmaps { get; private set; }

    public DetectZeroes DetectZeroes { get; private set; }

    public bool HasImageOptions { get; set; }

    public bool Lists { get; set; }

    public void SetPort(string text)
    {
        // Why no other names: the list of services is the C library's.
        if (!long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var port) || port is < 0 or > MaxPort)
            throw new CommandFailure($"address resolution failed for {Host}:{text}: Servname not supported for ai_socktype");
        Port = (int)port;
    }

    public void SetSocket(string path)
    {
        if (!path.StartsWith('/'))
            throw new CommandFailure("socket path must be absolute");
        SocketPath = path;
    }

    public void SetShared(string text)
    {
        if (!int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var count))
            throw new CommandFailure($"Invalid shared device number '{text}'");
        MaxConnections = count;
    }

    public void SetOffset(string text)
    {
        if (!long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var offset))
            throw new CommandFailure($"Invalid offset '{text}'");
        Offset = offset;
    }

    public void SetSnapshot(string text)
    {
        Snapshot = SnapshotChoice.Parse(text);
        IsReadOnly = true;
    }

    public void SetCache(string name)
    {
        if (Cache != null)
            throw new CommandFailure("-n and --cache can only be specified once");
        Cache = CacheMode.Parse(name) ?? throw new CommandFailure($"Invalid cache mode `{name}'");
    }

    public void SetDiscard(string mode) => Unmaps = mode switch
    {
        "unmap" or "on" => true,
        "ignore" or "off" => false,
        _ => throw new CommandFailure($"Invalid discard mode `{mode}'"),
    };

    public void SetDetectZeroes(string mode) => DetectZeroes = mode switch
    {
        "off" => DetectZeroes.Off,
        "on" => DetectZeroes.On,
        "unmap" => DetectZeroes.Unmap,
        _ => throw new CommandFailure($"Failed to parse detect_zeroes mode: invalid parameter value: {mode}"),
    };

    public static void DemandAio(string mode)
    {
        if (mode is not ("threads" or "native" or "io_uring"))
            throw new CommandFailure($"Invalid aio mode '{mode}'");
    }

    /// <summary>Holds the options against each other.</summary>
    /// <exception cref="CommandFailure">They do not go together.</exception>
    public void Check()
    {
        if (HasImageOptions && Format != null)
            throw new CommandFailure("--image-opts and -f are mutually exclusive");
        if (DetectZeroes == DetectZeroes.Unmap && !Unmaps)
            throw new CommandFailure("setting detect-zeroes to unmap is not allowed without setting discard operation to unmap");
    }
}
