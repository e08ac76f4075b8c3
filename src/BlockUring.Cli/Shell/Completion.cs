namespace BlockUring.Cli.Shell;

/// <summary>What the word before the cursor can become.</summary>
internal static class Completion
{
    /// <summary>Finds it.</summary>
    /// <param name="schema">Of the monitor.</param>
    /// <param name="line">Up to the cursor.</param>
    /// <returns>Whole words, sorted as the monitor has them.</returns>
    public static IReadOnlyList<string> Find(MonitorSchema schema, string line)
    {
        var words = RequestText.Split(line);
        if (words.Count == 0 || char.IsWhiteSpace(line[^1]))
            words.Add("");
        var last = words[^1];
        if (words.Count == 1)
            return [.. schema.Commands.Where(c => c.StartsWith(last, StringComparison.Ordinal)).Select(c => c + " ")];
        var equals = last.IndexOf('=');
        if (equals >= 0)
        {
            var key = last[..equals];
            return [.. schema.WordsOf(words[0], key.Split('.')).Select(w => $"{key}={w} ").Where(w => w.StartsWith(last, StringComparison.Ordinal))];
        }

        var dot = last.LastIndexOf('.') + 1;
        var path = last[..dot];
        return [.. schema.KeysOf(words[0], path.Split('.', StringSplitOptions.RemoveEmptyEntries)).Select(k => $"{path}{k}=")
            .Where(w => w.StartsWith(last, StringComparison.Ordinal) && !words.Exists(o => o.StartsWith(w, StringComparison.Ordinal)))];
    }

    /// <summary>The longest text that all words begin with.</summary>
    public static string CommonStart(IReadOnlyList<string> words)
    {
        var common = words[0];
        foreach (var word in words)
            common = common[..common.AsSpan().CommonPrefixLength(word)];
        return common;
    }
}
