namespace BlockUring.Graph.Filters;

/// <summary>"null-co" and "null-aio".</summary>
internal sealed class NullDriver : NodeDriver
{
    public NullDriver(string name) => Name = name;

    public override string Name { get; }

    public override bool IsProtocol => true;

    public override ValueTask<BlockNode> OpenAsync(NodeOpening opening)
    {
        var length = opening.TakeSize("size") ?? NullNode.DefaultLength;
        var latency = opening.TakeSize("latency-ns") ?? 0;
        var readZeroes = opening.TakeBool("read-zeroes") ?? false;
        return new(new NullNode(opening.Name, Name, opening.Settings, opening.Graph.Scheduler, new(length, latency, readZeroes)));
    }
}
