using System.Globalization;
using BlockUring.Storage;

namespace BlockUring.Nbd.Client;

/// <summary>
/// Names of exports as file names: nbd://HOST[:PORT]/EXPORT, nbd+unix:///EXPORT?socket=PATH (NBD protocol, doc/uri.md), and QEMU's old
/// nbd:HOST:PORT[:exportname=EXPORT] and nbd:unix:PATH[:exportname=EXPORT]. Over TLS: nbds://HOST[:PORT]/EXPORT?tls-creds=ID and
/// nbds+unix://[HOST]/EXPORT?socket=PATH&amp;tls-creds=ID, where the host is whom the server's certificate must name; tls-hostname=NAME says another one.
/// </summary>
public static class NbdNames
{
    private const string ExportMark = ":exportname=";

    private static readonly string[] Prefixes = ["nbd:", "nbd+tcp:", "nbd+unix:", "nbds:", "nbds+tcp:", "nbds+unix:"];

    /// <summary>Whether a file name means an export.</summary>
    public static bool Owns(string name) => Array.Exists(Prefixes, p => name.StartsWith(p, StringComparison.Ordinal));

    /// <summary>The options that a name stands for: "server.type" and so on, "export" where one is named.</summary>
    /// <exception cref="BlockException">It is malformed; in QEMU's words.</exception>
    public static Dictionary<string, string> Parse(string name)
    {
        var options = new Dictionary<string, string>(StringComparer.Ordinal);
        if (!name.Contains("://", StringComparison.Ordinal))
            ParseOld(name, options);
        else if (!TryParseUri(name, options))
            throw new BlockException(BlockErrorKind.Invalid, "No valid URL specified");
        return options;
    }

    /// <summary>The name of an export as queries show it: a URI that opens it again.</summary>
    /// <param name="address">The server.</param>
    /// <param name="export">The export; null where none was named.</param>
    public static string Format(NbdAddress address, string? export) => address.Path != null
        ? $"nbd+unix://{(export == null ? "" : "/" + export)}?socket={address.Path}"
        : $"nbd://{address.Host}:{address.Port}{(export == null ? "" : "/" + export)}";

    private static bool TryParseUri(string name, Dictionary<string, string> options)
    {
        var schemeEnd = name.IndexOf("://", StringComparison.Ordinal);
        var scheme = name[..schemeEnd];
        var rest = name[(schemeEnd + 3)..];
        rest = Cut(rest, '#', out _);
        rest = Cut(rest, '?', out var query);
        var slash = rest.IndexOf('/');
        var authority = slash < 0 ? rest : rest[..slash];
        var export = slash < 0 ? "" : Uri.UnescapeDataString(rest[slash..]).TrimStart('/');
        if (export.Length > 0)
            options["export"] = export;
        if (scheme.StartsWith("nbds", StringComparison.Ordinal))
            return TryParseSecure(scheme, authority, query, options);
        return scheme == "nbd+unix"
            ? authority.Length == 0 && TryParseSocket(query, options)
            : string.IsNullOrEmpty(query) && TryParseAuthority(authority, options);
    }

    // Why an id and not a path, as libnbd has it: whoever names a disk is not necessarily who decides on keys.
    private static bool TryParseSecure(string scheme, string authority, string? query, Dictionary<string, string> options)
    {
        foreach (var part in (query ?? "").Split(['&', ';'], StringSplitOptions.RemoveEmptyEntries))
        {
            var name = Cut(part, '=', out var value);
            if (name is not ("socket" or "tls-creds" or "tls-hostname") || value == null)
                return false;
            options[name] = Uri.UnescapeDataString(value);
        }

        if (!options.ContainsKey("tls-creds"))
            throw new BlockException(BlockErrorKind.Invalid, $"A URI of the scheme '{scheme}' needs 'tls-creds=ID', the id of an object");
        if (scheme != "nbds+unix")
            return !options.ContainsKey("socket") && TryParseAuthority(authority, options);
        if (!options.Remove("socket", out var path))
            return false;
        options["server.type"] = "unix";
        options["server.path"] = path;
        if (authority.Length > 0)
            _ = options.TryAdd("tls-hostname", Uri.UnescapeDataString(authority[(authority.LastIndexOf('@') + 1)..]));
        return true;
    }

    private static bool TryParseSocket(string? query, Dictionary<string, string> options)
    {
        if (query == null || query.Contains('&') || query.Contains(';'))
            return false;
        var name = Cut(query, '=', out var path);
        if (name != "socket" || path == null)
            return false;
        options["server.type"] = "unix";
        options["server.path"] = Uri.UnescapeDataString(path);
        return true;
    }

    private static bool TryParseAuthority(string authority, Dictionary<string, string> options)
    {
        var hostStart = authority.LastIndexOf('@') + 1;
        var host = authority[hostStart..];
        var port = NbdAddress.DefaultPort;
        if (host.StartsWith('['))
        {
            var close = host.IndexOf(']');
            if (close < 0 || (close + 1 < host.Length && host[close + 1] != ':'))
                return false;
            port = close + 2 < host.Length ? host[(close + 2)..] : port;
            host = host[1..close];
        }
        else
        {
            host = Cut(host, ':', out var given);
            port = string.IsNullOrEmpty(given) ? port : given;
        }

        if (host.Length == 0 || !IsPort(port))
            return false;
        options["server.type"] = "inet";
        options["server.host"] = Uri.UnescapeDataString(host);
        options["server.port"] = port;
        return true;
    }

    private static void ParseOld(string name, Dictionary<string, string> options)
    {
        if (!name.StartsWith("nbd:", StringComparison.Ordinal))
            throw new BlockException(BlockErrorKind.Invalid, "File name string for NBD must start with 'nbd:'");
        var mark = name.IndexOf(ExportMark, StringComparison.Ordinal);
        if (mark >= 0)
        {
            var export = name[(mark + ExportMark.Length)..];
            if (export.Length == 0)
                return;
            options["export"] = export;
            name = name[..mark];
        }

        var place = name["nbd:".Length..];
        if (place.StartsWith("unix:", StringComparison.Ordinal))
        {
            options["server.type"] = "unix";
            options["server.path"] = place["unix:".Length..];
        }
        else if (place.Length > 0)
        {
            ParseHost(place, options);
        }
    }

    private static void ParseHost(string place, Dictionary<string, string> options)
    {
        var isNumber = place.StartsWith('[');
        var hostEnd = isNumber ? place.IndexOf(']') : place.LastIndexOf(':');
        var portStart = isNumber ? hostEnd + 2 : hostEnd + 1;
        if (hostEnd < 0 || (isNumber && (hostEnd + 1 >= place.Length || place[hostEnd + 1] != ':')) || portStart >= place.Length)
            throw new BlockException(BlockErrorKind.Invalid, $"error parsing {(isNumber ? "IPv6 " : "")}address '{place}'");
        options["server.type"] = "inet";
        options["server.host"] = isNumber ? place[1..hostEnd] : place[..hostEnd];
        options["server.port"] = place[portStart..];
    }

    private static bool IsPort(string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var port) && port is > 0 and <= 65535;

    private static string Cut(string text, char at, out string? rest)
    {
        var place = text.IndexOf(at);
        rest = place < 0 ? null : text[(place + 1)..];
        return place < 0 ? text : text[..place];
    }
}
