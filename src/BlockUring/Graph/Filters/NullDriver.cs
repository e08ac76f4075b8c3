using BlockUring.Images;

namespace BlockUring.Graph.Filters;

/// <summary>"null-co" and "null-aio".</summary>
internal sealed class NullDriver : NodeDriver
{
    public NullDriver(string name) => Name = name;

    public override string Name { get; }

    public override bool IsProtocol => true;

    public override ValueTask<BlockNode> OpenAsync(NodeOpening opening)
    {
        var name = FileNameOf(opening.Options);
        var length = opening.TakeSize("size") ?? NullNode.DefaultLength;
        var latency = opening.TakeSize("latency-ns") ?? 0;
        var readZeroes = opening.TakeBool("read-zeroes") ?? false;
        return new(new NullNode(opening.Name, Name, opening.Settings, opening.Graph.Scheduler, new(length, latency, readZeroes, name)));
    }

    private string FileNameOf(OptionTree options)
    {
        var given = new List<string>();
        foreach (var key in (string[])["latency-ns", "read-zeroes", "size"])
        {
            if (options.Get(key) is { } value)
                given.Add($", \"{key}\": {value switch { "on" => "true", "off" => "false", _ => value }}");
        }

        return given.Count == 0 ? Name + "://" : $"json:{{\"driver\": \"{Name}\"{string.Concat(given)}}}";
    }
}
