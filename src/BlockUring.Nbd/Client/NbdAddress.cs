using BlockUring.Images;
using BlockUring.Storage;

namespace BlockUring.Nbd.Client;

/// <summary>Where a server listens.</summary>
/// <param name="Path">Of a unix socket; null for an internet address.</param>
/// <param name="Host">Name or number; null for a unix socket.</param>
/// <param name="Port">Number or name of the service; null for a unix socket.</param>
public sealed record NbdAddress(string? Path, string? Host, string? Port)
{
    /// <summary>The port of NBD servers, in the registry of the IANA.</summary>
    public const string DefaultPort = "10809";

    /// <summary>A unix socket.</summary>
    public static NbdAddress Unix(string path) => new(path, null, null);

    /// <summary>An internet address.</summary>
    public static NbdAddress Inet(string host, string port = DefaultPort) => new(null, host, port);

    /// <summary>As messages name it.</summary>
    public override string ToString() => Path ?? $"{Host}:{Port}";

    /// <summary>Takes the options of an address out of the options "type", "path", "host" and so on.</summary>
    /// <exception cref="BlockException">What is wrong, in QEMU's words.</exception>
    internal static NbdAddress Take(OptionTree options)
    {
        var address = Demand(options, "type") switch
        {
            "unix" => TakeUnix(options),
            "inet" => TakeInet(options),
            var type and ("fd" or "vsock") => throw new BlockException(BlockErrorKind.Unsupported, $"Addresses of type '{type}' are not supported"),
            var type => throw new BlockException(BlockErrorKind.Invalid, $"Parameter 'type' does not accept value '{type}'"),
        };
        foreach (var name in options.Values.Keys)
            throw new BlockException(BlockErrorKind.Invalid, $"Parameter '{name}' is unexpected");
        return address;
    }

    private static NbdAddress TakeUnix(OptionTree options)
    {
        foreach (var flag in (string[])["abstract", "tight"])
        {
            if (options.TryTake(flag, out var text) && OptionText.ParseBool(flag, text) && flag == "abstract")
                return Unix("\0" + Demand(options, "path"));
        }

        return Unix(Demand(options, "path"));
    }

    private static NbdAddress TakeInet(OptionTree options)
    {
        var address = Inet(Demand(options, "host"), Demand(options, "port"));
        foreach (var accepted in (string[])["numeric", "to", "ipv4", "ipv6", "keep-alive", "mptcp"])
            options.TryTake(accepted, out _);
        return address;
    }

    private static string Demand(OptionTree options, string name) => options.TryTake(name, out var value)
        ? value
        : throw new BlockException(BlockErrorKind.Invalid, $"Parameter '{name}' is missing");
}
