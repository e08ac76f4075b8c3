namespace BlockUring.Qmp.Hmp.QemuIo;

/// <summary>The words of a command, parted as getopt does: letters with and without an argument, anywhere, and the rest.</summary>
internal sealed class QemuIoOptions
{
    private readonly Dictionary<char, string> given = [];
    private readonly List<string> rest = [];

    /// <summary>The words that are no options.</summary>
    public IReadOnlyList<string> Rest => rest;

    /// <summary>What is wrong; null for nothing.</summary>
    public string? Error { get; private set; }

    /// <summary>The argument of an option; null when it was not given.</summary>
    public string? this[char letter] => given.GetValueOrDefault(letter);

    /// <summary>Parts words.</summary>
    /// <param name="name">The command, for messages.</param>
    /// <param name="words">The words.</param>
    /// <param name="letters">The options' letters; one that has an argument is followed by a colon.</param>
    public static QemuIoOptions Parse(string name, IReadOnlyList<string> words, string letters)
    {
        var options = new QemuIoOptions();
        for (var i = 0; i < words.Count && options.Error == null; i++)
        {
            var word = words[i];
            if (word == "--")
            {
                options.rest.AddRange(words.Skip(i + 1));
                break;
            }

            if (word.Length > 1 && word[0] == '-')
                options.AddLetters(name, words, ref i, letters);
            else
                options.rest.Add(word);
        }

        return options;
    }

    /// <summary>Whether an option was given.</summary>
    public bool Has(char letter) => given.ContainsKey(letter);

    private void AddLetters(string name, IReadOnlyList<string> words, ref int index, string letters)
    {
        var word = words[index];
        for (var at = 1; at < word.Length; at++)
        {
            var letter = word[at];
            var place = letter == ':' ? -1 : letters.IndexOf(letter);
            if (place < 0)
            {
                Error = $"{name}: invalid option -- '{letter}'";
                return;
            }

            if (place + 1 == letters.Length || letters[place + 1] != ':')
            {
                given[letter] = "";
                continue;
            }

            if (at + 1 < word.Length)
                given[letter] = word[(at + 1)..];
            else if (index + 1 < words.Count)
                given[letter] = words[++index];
            else
                Error = $"{name}: option requires an argument -- '{letter}'";
            return;
        }
    }
}
