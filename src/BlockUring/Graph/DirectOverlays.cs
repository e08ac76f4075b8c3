namespace BlockUring.Graph;

/// <summary>Finds the overlays that show a node where they hold nothing of their own.</summary>
public static class DirectOverlays
{
    /// <summary>The backing links of the overlays right above a node, with nothing but filters in between.</summary>
    public static IEnumerable<NodeLink> Of(BlockNode node)
    {
        foreach (var link in node.Parents)
        {
            if (link.Role == LinkRole.Backing)
                yield return link;
            else if (link.Role == LinkRole.Filtered && link.Owner is BlockNode above)
            {
                foreach (var found in Of(above))
                    yield return found;
            }
        }
    }
}
