namespace BlockUring.Graph.Debugging;

/// <summary>
/// The rules of a blkdebug node, as QEMU keeps them: an event for which there are rules to fail requests makes these the ones in force, until
/// the next such event.
/// </summary>
internal sealed class DebugRules
{
    private readonly List<DebugRule> rules;
    private readonly List<DebugRule> inForce = [];
    private long state = 1;

    public DebugRules(IEnumerable<DebugRule> rules)
    {
        this.rules = [.. rules];
        Fire(DebugEvents.None);
    }

    /// <summary>Something has happened.</summary>
    public void Fire(string name)
    {
        var acting = rules.FindAll(r => r.Event == name && (r.State == 0 || r.State == state));
        var failing = acting.FindAll(r => r.NewState == null);
        if (failing.Count > 0)
        {
            inForce.Clear();
            inForce.AddRange(Enumerable.Reverse(failing));
        }

        if (acting.FindLast(r => r.NewState != null) is { } change)
            state = change.NewState!.Value;
    }

    /// <summary>The rule by which a request fails; null for none.</summary>
    public DebugRule? Find(DebugIoType type, long offset, long length)
    {
        var rule = inForce.Find(r => r.Hits(type, offset, length));
        if (rule == null || rule.ErrorNumber == 0)
            return null;
        if (rule.Once)
        {
            inForce.RemoveAll(r => ReferenceEquals(r, rule));
            rules.RemoveAll(r => ReferenceEquals(r, rule));
        }

        return rule;
    }
}
