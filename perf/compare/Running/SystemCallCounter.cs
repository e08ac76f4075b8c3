using System.Globalization;

namespace BlockUring.Compare.Running;

/// <summary>Counts the system calls of a command and its descendants with strace, in runs of their own that are not timed.</summary>
internal sealed class SystemCallCounter(string directory)
{
    /// <summary>Why nothing is counted, or null when strace works here.</summary>
    public string? Missing { get; } = Probe();

    /// <summary>The number of calls; only where strace works.</summary>
    public long Count(IReadOnlyList<string> command)
    {
        var summary = Path.Combine(directory, "strace.txt");
        Tool.Run(["strace", "-f", "-c", "-o", summary, "--", .. command]);
        var total = File.ReadLines(summary).LastOrDefault(line => line.TrimEnd().EndsWith(" total", StringComparison.Ordinal));
        File.Delete(summary);
        // Columns: share, seconds, microseconds a call, calls, [errors,] "total".
        var fields = (total ?? "").Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return fields.Length >= 5
            ? long.Parse(fields[3], CultureInfo.InvariantCulture)
            : throw new ToolException($"strace printed no total for {command[0]}");
    }

    private static string? Probe()
    {
        if (!Tool.Exists("strace"))
            return "strace is not installed";
        try
        {
            Tool.Run("strace", "-f", "-c", "-o", "/dev/null", "--", "/bin/true");
            return null;
        }
        catch (ToolException error)
        {
            return error.Message;
        }
    }
}
