namespace BlockUring.Graph;

/// <summary>While it lasts, nobody above some nodes has a request in flight or starts one. Nests.</summary>
public sealed class DrainedSection : IDisposable
{
    private readonly BlockNode[] drained;
    private readonly Action<DrainedSection> ended;
    private readonly List<(NodeUser User, Task Quiet)> users = [];
    private readonly HashSet<BlockNode> hurried = [];
    private int waitedCount;
    private bool isOver;

    internal DrainedSection(BlockNode[] drained, Action<DrainedSection> ended)
    {
        this.drained = drained;
        this.ended = ended;
    }

    /// <summary>Lets everybody go on.</summary>
    public void Dispose()
    {
        if (isOver)
            return;
        isOver = true;
        ended(this);
        foreach (var node in hurried)
            node.EndDrain();
        hurried.Clear();
        foreach (var (user, _) in users)
            user.Resume();
        users.Clear();
    }

    /// <summary>Quiets all who are above the nodes now.</summary>
    internal void IncludeAll()
    {
        foreach (var user in FindUsers())
            Add(user);
    }

    private HashSet<NodeUser> FindUsers()
    {
        var found = new HashSet<NodeUser>();
        var seen = new HashSet<BlockNode>();
        foreach (var node in drained)
            FindAbove(node, seen, found);
        return found;
    }

    /// <summary>Quiets a user that is above the nodes now, and was not before.</summary>
    internal void Include(NodeUser user)
    {
        if (FindUsers().Contains(user))
            Add(user);
    }

    /// <summary>Lets a user go that has left.</summary>
    internal void Exclude(NodeUser user)
    {
        var index = users.FindIndex(u => u.User == user);
        if (index < 0 || FindUsers().Contains(user))
            return;
        users.RemoveAt(index);
        if (index < waitedCount)
            waitedCount--;
        user.Resume();
    }

    internal async ValueTask WaitUntilQuietAsync()
    {
        while (waitedCount < users.Count)
            await users[waitedCount++].Quiet;
    }

    private void Add(NodeUser user)
    {
        if (users.Exists(u => u.User == user))
            return;
        users.Add((user, user.QuiesceAsync().AsTask()));
        foreach (var link in user.Links)
            Hurry(link.Node);
    }

    // Why all below, not the drained nodes alone: what the user waits for may be kept waiting in any of them.
    private void Hurry(BlockNode node)
    {
        if (!hurried.Add(node))
            return;
        node.BeginDrain();
        foreach (var link in node.Children)
            Hurry(link.Node);
    }

    private static void FindAbove(BlockNode node, HashSet<BlockNode> seen, HashSet<NodeUser> found)
    {
        if (!seen.Add(node))
            return;
        foreach (var link in node.Parents)
        {
            if (link.Owner is NodeUser user)
                found.Add(user);
            else if (link.Owner is BlockNode above)
                FindAbove(above, seen, found);
        }
    }
}
