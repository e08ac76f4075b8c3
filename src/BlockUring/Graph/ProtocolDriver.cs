using BlockUring.Storage;

namespace BlockUring.Graph;

/// <summary>A protocol that the graph's host knows, as a kind of node.</summary>
internal sealed class ProtocolDriver(FileProtocol protocol) : NodeDriver
{
    public override string Name => protocol.Driver;

    public override bool IsProtocol => true;

    public override async ValueTask<BlockNode> OpenAsync(NodeOpening opening)
    {
        // Why all of them: only the protocol knows which are its own. What it leaves is refused with what is left of others.
        var given = new Dictionary<string, string>(opening.Options.Values, StringComparer.Ordinal);
        var left = new Dictionary<string, string>(given, StringComparer.Ordinal);
        var node = await ProtocolNode.OpenAsync(opening.Name, Name, opening.Settings, OpenFileAsync);
        foreach (var name in given.Keys.Where(n => !left.ContainsKey(n)))
            opening.Take(name);
        if (left.Count == 0)
            return node;
        await node.CloseAsync();
        opening.DemandNothingLeft();
        return node;

        ValueTask<BlockFile> OpenFileAsync(FileOpenOptions how)
        {
            left = new Dictionary<string, string>(given, StringComparer.Ordinal);
            return protocol.OpenAsync(left, how);
        }
    }
}
