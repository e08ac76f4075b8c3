namespace BlockUring.Cli.Img;

/// <summary>
/// Reads a command line by the rules of getopt_long(3) that scripts rely on: letters bundled and with attached values (`-pqOraw`), values
/// that look like options (`-o -x`), options after operands, `--`, long names with `=` or a word after, and their unique abbreviations.
/// </summary>
/// <remarks>
/// The words are rearranged as getopt does, options first, so that <see cref="WordBefore"/>, which qemu-img prints for an option it does
/// not know, is the same word.
/// </remarks>
internal sealed class OptionScanner
{
    private readonly string[] words;
    private readonly IReadOnlyList<IOptionShape> options;
    private readonly bool permutes;
    private int position = 1;
    private int firstOperand = 1;
    private int lastOperand = 1;
    private string letters = "";

    /// <summary>Starts after the first word.</summary>
    /// <param name="words">The command's name, then its words. Copied.</param>
    /// <param name="options">All options.</param>
    /// <param name="permutes">Whether options may follow operands; else scanning ends at the first operand.</param>
    public OptionScanner(IEnumerable<string> words, IReadOnlyList<IOptionShape> options, bool permutes = true)
    {
        this.words = [.. words];
        this.options = options;
        this.permutes = permutes;
    }

    /// <summary>What <see cref="Next"/> found.</summary>
    public enum Kind
    {
        /// <summary>No more options; see <see cref="Operands"/>.</summary>
        End,

        /// <summary>An option, <see cref="Option"/> with <see cref="Value"/>.</summary>
        Option,

        /// <summary>Not an option of this command, or a value where none belongs.</summary>
        Unknown,

        /// <summary>An option at the end whose value is missing.</summary>
        MissingValue,
    }

    /// <summary>The index in the table of the option found.</summary>
    public int Option { get; private set; }

    /// <summary>Its value, empty for an option without one.</summary>
    public string Value { get; private set; } = "";

    /// <summary>What was not recognised: the letter, or the long word with its dashes.</summary>
    public string Unrecognized { get; private set; } = "";

    /// <summary>The word before the scanner's position.</summary>
    public string WordBefore => words[position - 1];

    /// <summary>The index of the next word.</summary>
    public int Position => position;

    /// <summary>The operands, after <see cref="Kind.End"/>.</summary>
    public IReadOnlyList<string> Operands => words[position..];

    /// <summary>Finds the next option.</summary>
    public Kind Next()
    {
        Value = "";
        if (letters.Length > 0)
            return TakeLetter();
        if (permutes)
            PassOperands();
        if (position < words.Length && words[position] == "--")
            EndOptions();
        if (position == words.Length)
        {
            if (firstOperand != lastOperand)
                position = firstOperand;
            return Kind.End;
        }

        if (IsOperand(words[position]))
            return Kind.End;
        if (words[position].StartsWith("--", StringComparison.Ordinal))
            return TakeLong(words[position++][2..]);
        letters = words[position][1..];
        return TakeLetter();
    }

    private static bool IsOperand(string word) => word.Length < 2 || word[0] != '-';

    private void PassOperands()
    {
        if (firstOperand != lastOperand && lastOperand != position)
            MoveOperandsBehindOptions();
        else if (lastOperand != position)
            firstOperand = position;
        while (position < words.Length && IsOperand(words[position]))
            position++;
        lastOperand = position;
    }

    private void EndOptions()
    {
        position++;
        if (firstOperand != lastOperand && lastOperand != position)
            MoveOperandsBehindOptions();
        else if (firstOperand == lastOperand)
            firstOperand = position;
        lastOperand = words.Length;
        position = words.Length;
    }

    private void MoveOperandsBehindOptions()
    {
        var operands = words[firstOperand..lastOperand];
        var found = words[lastOperand..position];
        found.CopyTo(words, firstOperand);
        operands.CopyTo(words, firstOperand + found.Length);
        firstOperand += found.Length;
        lastOperand = position;
    }

    private Kind TakeLetter()
    {
        var letter = letters[0];
        letters = letters[1..];
        if (letters.Length == 0)
            position++;
        Option = FindLetter(letter);
        if (Option < 0)
        {
            Unrecognized = letter.ToString();
            return Kind.Unknown;
        }

        if (!options[Option].TakesValue)
            return Kind.Option;
        if (letters.Length > 0)
        {
            Value = letters;
            letters = "";
            position++;
            return Kind.Option;
        }

        return TakeNextWord();
    }

    private Kind TakeLong(string word)
    {
        var equals = word.IndexOf('=');
        var name = equals < 0 ? word : word[..equals];
        Option = FindName(name);
        if (Option < 0 || (equals >= 0 && !options[Option].TakesValue))
        {
            Unrecognized = "--" + name;
            return Kind.Unknown;
        }

        if (!options[Option].TakesValue)
            return Kind.Option;
        if (equals < 0)
            return TakeNextWord();
        Value = word[(equals + 1)..];
        return Kind.Option;
    }

    private Kind TakeNextWord()
    {
        if (position == words.Length)
            return Kind.MissingValue;
        Value = words[position++];
        return Kind.Option;
    }

    private int FindLetter(char letter)
    {
        for (var i = 0; i < options.Count; i++)
        {
            if (options[i].Short == letter && letter != '\0')
                return i;
        }

        return -1;
    }

    private int FindName(string name)
    {
        var abbreviated = -1;
        for (var i = 0; i < options.Count; i++)
        {
            foreach (var candidate in options[i].Names.Split('|', StringSplitOptions.RemoveEmptyEntries))
            {
                if (candidate == name)
                    return i;
                if (candidate.StartsWith(name, StringComparison.Ordinal))
                    abbreviated = abbreviated is -1 || abbreviated == i ? i : -2;
            }
        }

        return Math.Max(-1, abbreviated);
    }
}
