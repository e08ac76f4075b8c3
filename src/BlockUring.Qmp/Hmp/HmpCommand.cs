namespace BlockUring.Qmp.Hmp;

/// <summary>A command of the human monitor.</summary>
/// <param name="name">Its first word; two for one of "info".</param>
/// <param name="signature">What follows it, as QEMU writes that: see <see cref="HmpArguments.TryParse"/>.</param>
/// <param name="usage">What follows it, for people.</param>
/// <param name="summary">What it does.</param>
internal abstract class HmpCommand(string name, string signature, string usage, string summary)
{
    /// <summary>Its first word; two for one of "info".</summary>
    public string Name => name;

    /// <summary>What follows it, as QEMU writes that.</summary>
    public string Signature => signature;

    /// <summary>Help, in one line.</summary>
    public string HelpLine => $"{name}{(usage.Length > 0 ? " " : "")}{usage} -- {summary}\n";

    /// <summary>Runs it.</summary>
    /// <exception cref="QmpException">It failed.</exception>
    /// <exception cref="Storage.BlockException">It failed.</exception>
    public abstract ValueTask RunAsync(HmpCall call);
}
