using System.Globalization;
using System.Runtime.InteropServices;
using BlockUring.Compare.Running;

namespace BlockUring.Compare;

/// <summary>What the figures depend on: machine, kernel, versions. Host and user names are left out.</summary>
internal sealed record HostFacts
{
    public required DateTime Date { get; init; }

    public required string Processor { get; init; }

    public required int ProcessorCount { get; init; }

    public required long MemoryBytes { get; init; }

    public required string Kernel { get; init; }

    public required string System { get; init; }

    /// <summary>Mean number of running tasks in the minute before the start: what else the host was doing.</summary>
    public required double LoadAverage { get; init; }

    public required string DiskFileSystem { get; init; }

    public required IReadOnlyDictionary<string, string> Versions { get; init; }

    /// <summary>Other work takes more than a quarter of the processors.</summary>
    public bool IsBusy => LoadAverage > ProcessorCount / 4.0;

    /// <summary>Reads the facts; <paramref name="subject"/> is the program under test with its first words.</summary>
    public static HostFacts Read(CompareOptions options, IReadOnlyList<string> subject) => new()
    {
        Date = DateTime.UtcNow,
        Processor = Field("/proc/cpuinfo", "model name") ?? RuntimeInformation.ProcessArchitecture.ToString(),
        ProcessorCount = Environment.ProcessorCount,
        MemoryBytes = MemoryKiB("MemTotal") * ByteSize.KiB,
        Kernel = File.ReadAllText("/proc/sys/kernel/osrelease").Trim(),
        System = Field("/etc/os-release", "PRETTY_NAME")?.Trim('"') ?? RuntimeInformation.OSDescription,
        LoadAverage = double.Parse(File.ReadAllText("/proc/loadavg").Split(' ')[0], CultureInfo.InvariantCulture),
        DiskFileSystem = FileSystemOf(options.Directory),
        Versions = ReadVersions(options, subject),
    };

    /// <summary>A line of /proc/meminfo in KiB, or 0.</summary>
    public static long MemoryKiB(string name)
    {
        var field = Field("/proc/meminfo", name)?.Split(' ')[0];
        return long.TryParse(field, NumberStyles.None, CultureInfo.InvariantCulture, out var kib) ? kib : 0;
    }

    private static Dictionary<string, string> ReadVersions(CompareOptions options, IReadOnlyList<string> subject)
    {
        var versions = new Dictionary<string, string>();
        if (!options.SelfCheck)
            versions["under test"] = Tool.Version([.. subject, "--version"]) ?? "does not say";
        versions["qemu-img"] = Tool.Version("qemu-img", "--version") ?? "missing";
        if (options.Opponents.Contains("nbdcopy"))
            versions["nbdcopy"] = Tool.Version("nbdcopy", "--version") ?? "missing";
        return versions;
    }

    // A line of mountinfo: id, parent, device, root, mount point, options, optional fields, "-", type, source, options.
    private static string FileSystemOf(string directory)
    {
        var path = Path.GetFullPath(directory).TrimEnd('/') + "/";
        return File.ReadLines("/proc/self/mountinfo")
            .Select(line => line.Split(' '))
            .Select(fields => (MountPoint: fields[4].TrimEnd('/') + "/", Type: fields[Array.IndexOf(fields, "-") + 1]))
            .Where(mount => path.StartsWith(mount.MountPoint, StringComparison.Ordinal))
            .OrderBy(mount => mount.MountPoint.Length)
            .Select(mount => mount.Type)
            .LastOrDefault("unknown");
    }

    private static string? Field(string path, string name) => !File.Exists(path)
        ? null
        : File.ReadLines(path)
            .Where(line => line.StartsWith(name, StringComparison.Ordinal))
            .Select(line => line[(line.IndexOfAny([':', '=']) + 1)..].Trim())
            .FirstOrDefault();
}
