using BlockUring.Images;

namespace BlockUring.Cli.Img;

/// <summary>An object defined by --object. Secrets are kept for the formats that need keys.</summary>
/// <param name="Type">"secret".</param>
/// <param name="Id">The name by which options refer to it.</param>
/// <param name="Options">All it was given.</param>
internal sealed record ObjectDefinition(string Type, string Id, OptionTree Options)
{
    /// <summary>Parses `secret,id=ID,data=TEXT`, `qom-type=secret,…` or the same as a JSON object.</summary>
    /// <exception cref="CommandFailure">The definition is wrong.</exception>
    public static ObjectDefinition Parse(string text)
    {
        var options = text.StartsWith('{') ? OptionTree.ParseJson(text) : ParseKeyValues(text);
        if (!options.TryTake("qom-type", out var type))
            throw new CommandFailure("Parameter 'qom-type' is missing");
        if (type != "secret")
            throw new CommandFailure($"Parameter 'qom-type' does not accept value '{type}'");
        if (!options.TryTake("id", out var id))
            throw new CommandFailure("Parameter 'id' is missing");
        if (options.Get("data") == null && options.Get("file") == null)
            throw new CommandFailure("Either 'file' or 'data' must be provided");
        return new ObjectDefinition(type, id, options);
    }

    private static OptionTree ParseKeyValues(string text)
    {
        var end = text.AsSpan().IndexOfAny(',', '=');
        var isImplied = end < 0 || text[end] == ',';
        return OptionTree.ParseKeyValues(isImplied ? "qom-type=" + text : text);
    }
}
