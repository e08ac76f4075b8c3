using BlockUring.Images;
using BlockUring.Native.Interop;
using BlockUring.Storage;

namespace BlockUring.Graph.Debugging;

/// <summary>Rules of a blkdebug node as text: options ("inject-error.0.event"), or sections of a configuration file.</summary>
internal static class DebugRuleText
{
    private const string InjectError = "inject-error";
    private const string SetState = "set-state";

    /// <summary>Takes all rules out of the options.</summary>
    public static List<DebugRule> Take(OptionTree options)
    {
        List<DebugRule> rules = [];
        foreach (var section in (ReadOnlySpan<string>)[InjectError, SetState])
        {
            var list = options.TakeSubtree(section);
            for (var index = 0; !list.IsEmpty; index++)
            {
                var given = list.TakeSubtree(index.ToString());
                if (given.IsEmpty)
                    throw Invalid($"Block protocol 'blkdebug' doesn't support the option '{section}.{list.Values.Keys.First()}'");
                rules.Add(Make(section, given, $"[{section}] section doesn't support the option '{{0}}'"));
            }
        }

        return rules;
    }

    /// <summary>Reads a configuration file: [inject-error] and [set-state] sections of lines like: event = "read_aio".</summary>
    public static List<DebugRule> Parse(string text)
    {
        List<DebugRule> rules = [];
        string? section = null;
        var given = new OptionTree();
        foreach (var line in text.Split('\n').Select(l => l.Trim()).Where(l => l.Length > 0 && l[0] != '#'))
        {
            if (line[0] == '[')
            {
                Finish();
                (section, given) = (SectionName(line), new OptionTree());
            }
            else
            {
                var equals = line.IndexOf('=');
                if (equals < 0 || section == null)
                    throw Invalid(section == null ? "no group defined" : "parse error");
                given.Set(line[..equals].Trim(), line[(equals + 1)..].Trim().Trim('"'));
            }
        }

        Finish();
        return rules;

        void Finish()
        {
            if (section != null)
                rules.Add(Make(section, given, "Invalid parameter '{0}'"));
        }
    }

    private static string SectionName(string line)
    {
        var name = line.Trim('[', ']').Split(' ', 2)[0];
        return name is InjectError or SetState && line[^1] == ']' ? name : throw Invalid($"There is no option group '{name}'");
    }

    private static DebugRule Make(string section, OptionTree given, string unknown)
    {
        var name = Take(given, "event");
        if (name != null && !DebugEvents.All.Contains(name))
            throw Invalid($"invalid parameter value: {name}");
        var rule = new DebugRule(name ?? "", TakeNumber(given, "state") ?? 0);
        rule = section == SetState
            ? rule with { NewState = TakeNumber(given, "new_state") ?? 0 }
            : TakeFailure(given, rule);
        foreach (var key in given.Values.Keys)
            throw Invalid(string.Format(unknown, key));
        return name == null ? throw Invalid("Missing event name for rule") : rule;
    }

    private static DebugRule TakeFailure(OptionTree given, DebugRule rule)
    {
        var sector = TakeNumber(given, "sector") ?? -1;
        return rule with
        {
            IoTypes = Take(given, "iotype") is { } type ? ParseIoType(type) : DebugIoType.Usual,
            ErrorNumber = (int)Math.Abs(TakeNumber(given, "errno") ?? Errno.EIO),
            Offset = sector < 0 ? -1 : sector * 512,
            Once = TakeBool(given, "once"),
            Immediately = TakeBool(given, "immediately"),
        };
    }

    private static DebugIoType ParseIoType(string text) => text switch
    {
        "read" => DebugIoType.Read,
        "write" => DebugIoType.Write,
        "write-zeroes" => DebugIoType.WriteZeroes,
        "discard" => DebugIoType.Discard,
        "flush" => DebugIoType.Flush,
        "block-status" => DebugIoType.BlockStatus,
        _ => throw Invalid($"invalid parameter value: {text}"),
    };

    private static string? Take(OptionTree given, string name) => given.TryTake(name, out var text) ? text : null;

    private static bool TakeBool(OptionTree given, string name) => Take(given, name) is { } text && OptionText.ParseBool(name, text);

    private static long? TakeNumber(OptionTree given, string name) =>
        Take(given, name) is { } text ? unchecked((long)OptionText.ParseNumber(name, text)) : null;

    private static BlockException Invalid(string message) => new(BlockErrorKind.Invalid, message);
}
