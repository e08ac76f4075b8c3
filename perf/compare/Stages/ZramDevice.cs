using BlockUring.Compare.Running;

namespace BlockUring.Compare.Stages;

/// <summary>A compressed RAM disk of the kernel; gone, with its content, when disposed.</summary>
internal sealed class ZramDevice : IDisposable
{
    private const string Control = "/sys/class/zram-control";
    private readonly string _number;

    private ZramDevice(string number) => _number = number;

    public string Path => $"/dev/zram{_number}";

    /// <summary>Why there can be none, or null.</summary>
    public static string? Missing() => Directory.Exists(Control) ? null : "the kernel has no zram";

    /// <summary>Makes one of that size.</summary>
    public static ZramDevice Make(long bytes)
    {
        var device = new ZramDevice(File.ReadAllText($"{Control}/hot_add").Trim());
        try
        {
            File.WriteAllText($"/sys/block/zram{device._number}/disksize", $"{bytes}");
            return device;
        }
        catch (IOException error)
        {
            device.Dispose();
            throw new ToolException($"{device.Path} cannot be set up: {error.Message}", error);
        }
    }

    public void Dispose()
    {
        File.WriteAllText($"/sys/block/zram{_number}/reset", "1");
        File.WriteAllText($"{Control}/hot_remove", _number);
    }
}
