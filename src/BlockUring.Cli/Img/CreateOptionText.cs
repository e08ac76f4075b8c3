using System.Text;
using BlockUring.Images;
using BlockUring.Storage;

namespace BlockUring.Cli.Img;

/// <summary>Creation options as `-o` gives them: checked, listed and printed as qemu-img does.</summary>
internal sealed class CreateOptionText
{
    private const int HelpColumn = 24;

    private readonly List<CreateOption> known;
    private readonly Dictionary<string, string> values = new(StringComparer.Ordinal);

    /// <summary>The options of a format and of the file below it; nothing is set.</summary>
    /// <param name="driver">The format.</param>
    /// <param name="additional">Options that the command adds.</param>
    public CreateOptionText(ImageDriver driver, params IEnumerable<CreateOption> additional)
    {
        known = [.. driver.CreateOptions, .. additional];
        known.AddRange(FileCreateOptions.All.Where(option => driver.CreateOptions.All(own => own.Name != option.Name)));
    }

    private CreateOptionText(IEnumerable<CreateOption> known) => this.known = [.. known];

    /// <summary>What was set, sizes as plain numbers of bytes.</summary>
    public IReadOnlyDictionary<string, string> Values => values;

    /// <summary>The value set, or null.</summary>
    public string? this[string name] => values.GetValueOrDefault(name);

    /// <summary>Joins the value of one more -o to those before.</summary>
    /// <exception cref="CommandFailure">The value would change the meaning of its neighbours.</exception>
    public static string Accumulate(string? before, string added)
    {
        var trailing = added.Length - added.TrimEnd(',').Length;
        if (added.Length == 0 || added[0] == ',' || trailing % 2 != 0)
            throw new CommandFailure($"Invalid option list: {added}");
        return before == null ? added : $"{before},{added}";
    }

    /// <summary>Whether `help` or `?` is among the options.</summary>
    public static bool AsksForHelp(string? options) =>
        options != null && OptionTree.SplitKeyValues(options).Any(item => item.Value == null && item.Key is "help" or "?");

    /// <summary>The answer to `-o help`.</summary>
    /// <param name="driver">The format.</param>
    /// <param name="withFile">Whether the options of the file below are listed too: when a target is named.</param>
    public static string Help(ImageDriver driver, bool withFile)
    {
        var options = withFile ? new CreateOptionText(driver).known : driver.CreateOptions;
        var text = new StringBuilder(withFile ? "Supported options:\n" : $"Supported {driver.Name} options:\n");
        foreach (var line in options.Select(HelpLine).Order(StringComparer.Ordinal))
            text.Append(line).Append('\n');
        if (!withFile)
            text.Append("\nThe protocol level may support further options.\nSpecify the target filename to include those options.\n");
        return text.ToString();
    }

    /// <summary>The answer to `amend -o help`.</summary>
    public static string AmendHelp(ImageDriver driver) =>
        $"Amend options for '{driver.Name}':\n" +
        string.Concat(driver.AmendOptions.Select(HelpLine).Order(StringComparer.Ordinal).Select(line => line + "\n"));

    /// <summary>Reads options of an image that are to be changed.</summary>
    /// <returns>What was given, sizes as plain numbers of bytes.</returns>
    /// <exception cref="CommandFailure">An option does not exist, or only for new images, or has a wrong value.</exception>
    public static IReadOnlyDictionary<string, string> ParseForAmend(ImageDriver driver, string text)
    {
        var options = new CreateOptionText(driver.AmendOptions);
        try
        {
            options.Parse(text);
            return options.Values;
        }
        catch (CommandFailure e) when (e.Hint == "" && IsForCreation(driver, text))
        {
            throw new CommandFailure(e.Message, e.ExitCode) { Hint = "This option is only supported for image creation\n" };
        }
    }

    /// <summary>Whether the format has an option.</summary>
    public bool Knows(string name) => known.Exists(option => option.Name == name);

    /// <summary>Sets an option without checking its value.</summary>
    public void Set(string name, string value) => values[name] = value;

    /// <summary>Takes an option out; null when it is not set.</summary>
    public string? Take(string name) => values.Remove(name, out var value) ? value : null;

    /// <summary>Sets what a text `name=value,…` says.</summary>
    /// <param name="text">The text.</param>
    /// <param name="prefix">Before every message, such as "FILE: ".</param>
    /// <exception cref="CommandFailure">An option does not exist, or has a wrong value.</exception>
    public void Parse(string text, string prefix = "")
    {
        foreach (var (key, given) in OptionTree.SplitKeyValues(text))
        {
            var (name, value) = given == null ? ExpandFlag(key) : (key, given);
            if (name == "id")
                continue;
            var option = known.Find(o => o.Name == name) ?? throw new CommandFailure($"{prefix}Invalid parameter '{name}'");
            values[name] = Check(option, value, prefix);
        }
    }

    /// <summary>All options with a value, given or default, as `create` prints them.</summary>
    public string Print() =>
        string.Join(' ', known
            .Select(option => (Option: option, Value: values.GetValueOrDefault(option.Name, option.Default!)))
            .Where(item => item.Value != null)
            .Select(item => $"{item.Option.Name}={PrintValue(item.Option.Kind, item.Value)}"));

    private static bool IsForCreation(ImageDriver driver, string text)
    {
        try
        {
            new CreateOptionText([.. driver.AmendOptions, .. driver.CreateOptions]).Parse(text);
            return true;
        }
        catch (CommandFailure)
        {
            return false;
        }
    }

    // Numbers are 64 bits without a sign, but printed as with one.
    private static string PrintValue(CreateOptionKind kind, string value) => kind switch
    {
        CreateOptionKind.Text => value.Replace(",", ",,"),
        CreateOptionKind.Number or CreateOptionKind.Size => unchecked((long)ulong.Parse(value)).ToString(),
        _ => value,
    };

    private static string HelpLine(CreateOption option)
    {
        var type = option.Kind switch
        {
            CreateOptionKind.Bool => "bool (on/off)",
            CreateOptionKind.Number => "num",
            CreateOptionKind.Size => "size",
            _ => "str",
        };
        return $"  {option.Name}=<{type}>".PadRight(HelpColumn) + $" - {option.Help}";
    }

    // A name alone switches on, with "no" before it off.
    private static (string Name, string Value) ExpandFlag(string key) =>
        key.StartsWith("no", StringComparison.Ordinal) ? (key[2..], "off") : (key, "on");

    private static string Check(CreateOption option, string value, string prefix)
    {
        try
        {
            switch (option.Kind)
            {
                case CreateOptionKind.Bool:
                    OptionText.ParseBool(option.Name, value);
                    return value;
                case CreateOptionKind.Number:
                    return OptionText.ParseNumber(option.Name, value).ToString();
                case CreateOptionKind.Size:
                    return OptionText.ParseSize(option.Name, value).ToString();
                default:
                    return value;
            }
        }
        catch (BlockException e)
        {
            throw CommandFailure.Because(prefix, e);
        }
    }
}
