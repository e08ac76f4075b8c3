using BlockUring.Storage;

namespace BlockUring.Qmp.Hmp.QemuIo;

/// <summary>A command of qemu-io: plain requests to one node, with a report of each.</summary>
internal abstract class QemuIoCommand(string name, string summary)
{
    /// <summary>Its name.</summary>
    public string Name => name;

    /// <summary>Its short name, null for none.</summary>
    public string? ShortName { get; protected init; }

    /// <summary>How many words must follow its name.</summary>
    public int MinArguments { get; protected init; }

    /// <summary>How many words may follow its name; -1 for any number.</summary>
    public int MaxArguments { get; protected init; }

    /// <summary>What follows its name, for help.</summary>
    public string Usage { get; protected init; } = "";

    /// <summary>What it does, for help.</summary>
    public string Summary => summary;

    /// <summary>What it does to the node.</summary>
    public ImagePermissions Permissions { get; protected init; }

    /// <summary>Help, in one line.</summary>
    public string HelpLine => $"{Name} {Usage}{(Usage.Length > 0 ? " " : "")}-- {Summary}\n";

    /// <summary>Runs it; what it has to say, errors included, it prints.</summary>
    public abstract ValueTask RunAsync(QemuIoCall call);

    /// <summary>Says that there are too few or too many arguments.</summary>
    /// <returns>Null when there are not.</returns>
    public string? CheckCount(int count)
    {
        if (count >= MinArguments && (MaxArguments < 0 || count <= MaxArguments))
            return null;
        var expected = MaxArguments < 0 ? $"at least {MinArguments}"
            : MinArguments == MaxArguments ? $"{MinArguments}"
            : $"between {MinArguments} and {MaxArguments}";
        return $"bad argument count {count} to {Name}, expected {expected} arguments\n";
    }
}
