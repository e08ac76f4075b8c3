namespace BlockUring.Graph;

/// <summary>A kind of node, before there is any: takes the options of one and makes it. One instance each, listed in <see cref="NodeDrivers"/>.</summary>
internal abstract class NodeDriver
{
    /// <summary>As QMP names it.</summary>
    public abstract string Name { get; }

    /// <summary>Whether it is a protocol: messages differ.</summary>
    public virtual bool IsProtocol => false;

    /// <summary>Makes the node, with its links, from <see cref="NodeOpening.Options"/>, out of which it takes what it knows.</summary>
    public abstract ValueTask<BlockNode> OpenAsync(NodeOpening opening);
}
