namespace BlockUring.Cli.Shell;

/// <summary>The lines of earlier conversations, in a file of the user; only of this one where that cannot be written.</summary>
internal sealed class ShellHistory
{
    /// <summary>Lines that are kept.</summary>
    public const int MaxLines = 1000;

    // A longer one is no command that anybody wants back.
    private const int MaxLineLength = 4096;

    // Read and write for the user alone.
    private const UnixFileMode Private = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private readonly List<string> lines = [];
    private string? path;

    /// <summary>Reads what there is.</summary>
    /// <param name="path">Of the file, which need not exist; null to keep nothing.</param>
    public ShellHistory(string? path)
    {
        this.path = path;
        if (path != null)
            Try(Load);
    }

    /// <summary>The lines, the oldest first.</summary>
    public IReadOnlyList<string> Lines => lines;

    /// <summary>Where the file is: in $XDG_STATE_HOME, or in ~/.local/state; null where there is no such place.</summary>
    public static string? DefaultPath()
    {
        var state = Environment.GetEnvironmentVariable("XDG_STATE_HOME");
        if (string.IsNullOrEmpty(state) || !Path.IsPathRooted(state))
        {
            var home = Environment.GetEnvironmentVariable("HOME");
            state = string.IsNullOrEmpty(home) ? null : Path.Combine(home, ".local", "state");
        }

        return state == null ? null : Path.Combine(state, "blockuring", "qmp_history");
    }

    /// <summary>Adds a line, unless it is the last one again. One that starts with a blank, or makes a secret, is not put into the file.</summary>
    public void Add(string line)
    {
        if (line.Trim().Length == 0 || (lines.Count > 0 && lines[^1] == line))
            return;
        lines.Add(line);
        if (lines.Count > MaxLines)
            lines.RemoveAt(0);
        var isPrivate = char.IsWhiteSpace(line[0]) || line.Contains("secret", StringComparison.Ordinal);
        if (path != null && !isPrivate && line.Length <= MaxLineLength)
            Try(() => Append(line));
    }

    private void Load()
    {
        if (!File.Exists(path))
            return;
        var all = File.ReadAllLines(path!);
        lines.AddRange(all.TakeLast(MaxLines));
        if (all.Length <= 2 * MaxLines)
            return;

        // Why beside and then over it: another shell may be reading.
        var shorter = path + ".new";
        File.WriteAllLines(shorter, lines);
        Hide(shorter);
        File.Move(shorter, path!, overwrite: true);
    }

    private void Append(string line)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        var isNew = !File.Exists(path);
        File.AppendAllText(path!, line + "\n");
        if (isNew)
            Hide(path!);
    }

    private static void Hide(string path)
    {
        if (OperatingSystem.IsLinux())
            File.SetUnixFileMode(path, Private);
    }

    private void Try(Action action)
    {
        try
        {
            action();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            path = null;
        }
    }
}
