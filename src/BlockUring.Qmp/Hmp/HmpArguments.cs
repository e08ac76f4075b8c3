using System.Text;
using BlockUring.Images;

namespace BlockUring.Qmp.Hmp;

/// <summary>What follows the name of a command of the human monitor.</summary>
internal sealed class HmpArguments
{
    private const long DefaultSizeUnit = 1 << 20;

    private readonly Dictionary<string, string> texts = [];
    private readonly Dictionary<string, long> sizes = [];
    private readonly HashSet<string> flags = [];

    /// <summary>A word; null when it was not given.</summary>
    public string? this[string name] => texts.GetValueOrDefault(name);

    /// <summary>A flag.</summary>
    public bool Has(string name) => flags.Contains(name);

    /// <summary>A size in bytes; null when it was not given.</summary>
    public long? Size(string name) => sizes.TryGetValue(name, out var size) ? size : null;

    /// <summary>
    /// Parts a line by a signature as QEMU has them: "force:-f,device:B,size:o,name:s?": -x is a flag, B a device's name, F a file's, s a word,
    /// o a size whose unit is MiB, S the rest of the line; a question mark says that it may be missing.
    /// </summary>
    /// <param name="command">The command's name, for messages.</param>
    /// <param name="signature">As above.</param>
    /// <param name="line">What follows the name.</param>
    /// <param name="arguments">What was found.</param>
    /// <returns>What is wrong; null for nothing.</returns>
    public static string? TryParse(string command, string signature, string line, out HmpArguments arguments)
    {
        arguments = new();
        var rest = line.AsSpan().TrimStart();
        string[] parameters = signature.Split(',', StringSplitOptions.RemoveEmptyEntries);
        if (arguments.TakeFlags(command, parameters, ref rest) is { } wrongFlag)
            return wrongFlag;
        foreach (var parameter in parameters)
        {
            var (name, type) = Split(parameter);
            if (!type.StartsWith('-') && arguments.Take(command, name, type, ref rest) is { } wrong)
                return wrong;
        }

        return rest.IsEmpty ? null : $"{command}: extraneous characters at the end of line\n";
    }

    private static (string Name, string Type) Split(string parameter)
    {
        var colon = parameter.IndexOf(':', StringComparison.Ordinal);
        return (parameter[..colon], parameter[(colon + 1)..]);
    }

    private string? TakeFlags(string command, string[] parameters, ref ReadOnlySpan<char> rest)
    {
        var known = Array.ConvertAll(parameters, Split).Where(p => p.Type.StartsWith('-')).ToDictionary(p => p.Type[1], p => p.Name);
        while (known.Count > 0 && rest.Length > 1 && rest[0] == '-')
        {
            if (!known.TryGetValue(rest[1], out var name))
                return $"{command}: unsupported option -{rest[1]}\n";
            flags.Add(name);
            rest = rest[2..].TrimStart();
        }

        return null;
    }

    private string? Take(string command, string name, string type, ref ReadOnlySpan<char> rest)
    {
        if (rest.IsEmpty)
            return type.EndsWith('?') ? null : $"{command}: {Expected(type)} expected\n";
        if (type[0] == 'S')
        {
            texts.Add(name, rest.ToString());
            rest = default;
            return null;
        }

        if (TakeWord(ref rest) is not { } word)
            return $"{command}: unterminated string\n";
        if (type[0] != 'o')
            texts.Add(name, word);
        else if (SizeText.TryParse(word, DefaultSizeUnit, out var size))
            sizes.Add(name, size);
        else
            return "invalid size\n";
        return null;
    }

    private static string Expected(string type) => type[0] switch
    {
        'B' => "block device name",
        'F' => "filename",
        'o' => "size",
        _ => "string",
    };

    // A word ends at a blank; in quotes it does not, and a backslash says what the next character means.
    private static string? TakeWord(ref ReadOnlySpan<char> rest)
    {
        if (rest[0] != '"')
        {
            var end = rest.IndexOf(' ');
            var word = (end < 0 ? rest : rest[..end]).ToString();
            rest = end < 0 ? default : rest[end..].TrimStart();
            return word;
        }

        var text = new StringBuilder();
        for (var i = 1; i < rest.Length; i++)
        {
            if (rest[i] == '"')
            {
                rest = rest[(i + 1)..].TrimStart();
                return text.ToString();
            }

            if (rest[i] == '\\' && i + 1 < rest.Length)
                text.Append(rest[++i] switch { 'n' => '\n', 'r' => '\r', var other => other });
            else
                text.Append(rest[i]);
        }

        return null;
    }
}
