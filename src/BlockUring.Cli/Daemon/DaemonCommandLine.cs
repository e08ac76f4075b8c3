using BlockUring.Cli.Img;

namespace BlockUring.Cli.Daemon;

/// <summary>Reads the daemon's command line, by getopt's rules and with its messages; the order of the options is kept.</summary>
internal static class DaemonCommandLine
{
    /// <summary>Splits a command line.</summary>
    /// <param name="arguments">Without the program's name.</param>
    /// <returns>Options and other words, in their order; those before a mistake come before it.</returns>
    /// <exception cref="CommandFailure">The next word is no option, or one that lacks its value.</exception>
    public static IEnumerable<DaemonWord> Split(string[] arguments)
    {
        string[] words = ["", .. arguments];
        var start = 1;
        while (true)
        {
            var scanner = new OptionScanner(words[(start - 1)..], DaemonOption.All, permutes: false);
            while (true)
            {
                var before = scanner.Position;
                var found = scanner.Next();
                if (found == OptionScanner.Kind.End)
                    break;
                DemandOption(scanner, found);
                // Why at least one: in a bundle of letters only the last one moves on.
                var end = start - 1 + Math.Max(scanner.Position, before + 1);
                yield return new(DaemonOption.All[scanner.Option].Names, scanner.Value, string.Join(' ', words[(start - 1 + before)..end]));
            }

            var next = start - 1 + scanner.Position;
            if (next >= words.Length)
                yield break;
            yield return new("", words[next], words[next]);
            start = next + 1;
        }
    }

    private static void DemandOption(OptionScanner scanner, OptionScanner.Kind found)
    {
        if (found == OptionScanner.Kind.Option)
            return;
        var name = scanner.Option >= 0 ? DaemonOption.All[scanner.Option].Names : "";
        var isLetter = found == OptionScanner.Kind.Unknown && !scanner.Unrecognized.StartsWith("--", StringComparison.Ordinal);
        throw new CommandFailure(found switch
        {
            OptionScanner.Kind.MissingValue when scanner.WordBefore.StartsWith("--", StringComparison.Ordinal) => $"option '--{name}' requires an argument",
            OptionScanner.Kind.MissingValue => $"option requires an argument -- '{DaemonOption.All[scanner.Option].Short}'",
            _ when isLetter => $"invalid option -- '{scanner.Unrecognized}'",
            _ when name.Length > 0 => $"option '--{name}' doesn't allow an argument",
            _ => $"unrecognized option '{scanner.WordBefore}'",
        });
    }
}
