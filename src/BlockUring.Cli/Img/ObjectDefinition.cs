using BlockUring.Images;
using BlockUring.Images.Encryption;
using BlockUring.Qmp;
using BlockUring.Qmp.Objects;
using BlockUring.Storage;

namespace BlockUring.Cli.Img;

/// <summary>An object defined by --object: a secret, for the formats that need keys, or TLS credentials.</summary>
/// <param name="Text">The definition.</param>
/// <param name="Type">"secret", or "tls-creds-x509" and the like.</param>
/// <param name="Id">The name by which options refer to it.</param>
/// <param name="Content">The secret; null for credentials, which are made where they are used.</param>
internal sealed record ObjectDefinition(string Text, string Type, string Id, byte[]? Content)
{
    /// <summary>Parses `secret,id=ID,data=TEXT`, `qom-type=secret,…` or the same as a JSON object.</summary>
    /// <param name="text">The text.</param>
    /// <param name="others">The secrets defined before.</param>
    /// <exception cref="CommandFailure">The definition is wrong.</exception>
    public static ObjectDefinition Parse(string text, SecretSource others)
    {
        var options = text.StartsWith('{') ? OptionTree.ParseJson(text) : ParseKeyValues(text);
        if (!options.TryTake("qom-type", out var type))
            throw new CommandFailure("Parameter 'qom-type' is missing");
        var isTls = type is "tls-creds-x509" or "tls-creds-psk" or "tls-creds-anon";
        if (type != "secret" && !isTls)
            throw new CommandFailure($"Parameter 'qom-type' does not accept value '{type}'");
        if (!options.TryTake("id", out var id))
            throw new CommandFailure("Parameter 'id' is missing");
        return new ObjectDefinition(text, type, id, isTls ? null : Resolve(options, others));
    }

    private static byte[] Resolve(OptionTree options, SecretSource others)
    {
        var definition = new SecretDefinition(Take("data"), Take("file"), Take("format"), Take("keyid"), Take("iv"));
        if (definition.Format is not (null or "raw" or "base64"))
            throw new CommandFailure($"Parameter 'format' does not accept value '{definition.Format}'");
        options.TryTake("loaded", out _);
        foreach (var name in options.Values.Keys)
            throw new CommandFailure($"Parameter '{name}' is unexpected");
        try
        {
            return definition.Resolve(others.Invoke);
        }
        catch (QmpException e)
        {
            throw new CommandFailure(e.Message);
        }
        catch (BlockException e)
        {
            throw new CommandFailure(e.Message);
        }

        string? Take(string name) => options.TryTake(name, out var value) ? value : null;
    }

    private static OptionTree ParseKeyValues(string text)
    {
        var end = text.AsSpan().IndexOfAny(',', '=');
        var isImplied = end < 0 || text[end] == ',';
        return OptionTree.ParseKeyValues(isImplied ? "qom-type=" + text : text);
    }
}
