namespace BlockUring.Qmp.Hmp;

/// <summary>The human monitor: commands as lines of text, answered in text.</summary>
public sealed class HumanMonitor
{
    private readonly Dictionary<string, Func<string, ValueTask<string>>> commands = new(StringComparer.Ordinal);

    /// <summary>Adds a command.</summary>
    /// <param name="name">Its first word.</param>
    /// <param name="run">Takes the rest of the line, and answers what the command prints.</param>
    public void Add(string name, Func<string, ValueTask<string>> run) => commands.Add(name, run);

    /// <summary>Runs a line.</summary>
    /// <returns>What it prints, errors included; lines end in CR LF.</returns>
    public ValueTask<string> RunAsync(string line)
    {
        var trimmed = line.Trim();
        if (trimmed.Length == 0)
            return new("");
        var end = trimmed.IndexOf(' ');
        var name = end < 0 ? trimmed : trimmed[..end];
        return commands.TryGetValue(name, out var run) ? run(end < 0 ? "" : trimmed[end..].TrimStart()) : new($"unknown command: '{name}'\r\n");
    }
}
