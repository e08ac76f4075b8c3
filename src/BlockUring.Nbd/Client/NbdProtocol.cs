using System.Globalization;
using System.Text;
using BlockUring.Images;
using BlockUring.Native.Uring;
using BlockUring.Nbd.Wire;
using BlockUring.Storage;

namespace BlockUring.Nbd.Client;

/// <summary>The driver "nbd": exports of NBD servers as files.</summary>
/// <param name="thread">The thread of all I/O.</param>
public sealed class NbdProtocol(IoThread thread) : FileProtocol
{
    private static readonly string[] Places = ["host", "port", "path"];

    /// <inheritdoc/>
    public override string Driver => "nbd";

    /// <summary>TLS credentials by the name of their object (option "tls-creds"); throws where there are none of that name.</summary>
    public Func<string, NbdTlsUpgrade> FindTls { get; init; } =
        id => throw new BlockException(BlockErrorKind.NotFound, $"No TLS credentials with id '{id}'");

    /// <inheritdoc/>
    public override bool Owns(string name) => NbdNames.Owns(name);

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, string> ParseName(string name) => NbdNames.Parse(name);

    /// <inheritdoc/>
    public override async ValueTask<BlockFile> OpenAsync(IDictionary<string, string> options, FileOpenOptions how)
    {
        var settings = Take(options);
        return await NbdFile.OpenAsync(thread, settings, new NbdSocketDialer(thread, settings.Address), how);
    }

    /// <summary>Takes the driver's options out.</summary>
    /// <exception cref="BlockException">What is wrong, in QEMU's words.</exception>
    internal NbdClientSettings Take(IDictionary<string, string> options)
    {
        var address = TakeAddress(options);
        var export = TakeText(options, "export");
        if (export != null && Encoding.UTF8.GetByteCount(export) > NbdLimits.MaxStringBytes)
            throw Invalid("export name too long to send to server");
        var bitmap = TakeText(options, "x-dirty-bitmap");
        if (bitmap != null && Encoding.UTF8.GetByteCount(bitmap) > NbdLimits.MaxStringBytes)
            throw Invalid("x-dirty-bitmap query too long to send to server");
        var credentials = TakeText(options, "tls-creds");
        var hostName = TakeText(options, "tls-hostname");
        return new NbdClientSettings(address, export)
        {
            DirtyBitmap = bitmap,
            Tls = credentials == null ? null : FindTls(credentials),
            TlsHostName = hostName,
            ReconnectDelay = TimeSpan.FromSeconds(TakeNumber(options, "reconnect-delay", uint.MaxValue) ?? 0),
            OpenTimeout = TimeSpan.FromSeconds(TakeNumber(options, "open-timeout", uint.MaxValue) ?? 0),
            ConnectionCount = TakeConnectionCount(options),
        };
    }

    private static int TakeConnectionCount(IDictionary<string, string> options)
    {
        var count = TakeNumber(options, "multi-conn", NbdClientSettings.MaxConnectionCount) ?? NbdClientSettings.DefaultConnectionCount;
        return (int)Math.Max(1, count);
    }

    private static NbdAddress TakeAddress(IDictionary<string, string> options)
    {
        var server = new OptionTree();
        foreach (var (name, value) in options.Where(o => o.Key.StartsWith("server.", StringComparison.Ordinal)).ToArray())
        {
            server.Set(name["server.".Length..], value);
            options.Remove(name);
        }

        var old = Places.Select(p => TakeText(options, p)).ToArray();
        var (host, port, path) = (old[0], old[1], old[2]);
        if (!server.IsEmpty && Array.Exists(old, p => p != null))
            throw Invalid("Cannot use 'server' and path/host/port at the same time");
        if (path != null && host != null)
            throw Invalid("path and host may not be used at the same time");
        if (path != null && port != null)
            throw Invalid("port may not be used without host");
        if (path != null)
            return NbdAddress.Unix(path);
        if (host != null)
            return NbdAddress.Inet(host, port ?? NbdAddress.DefaultPort);
        return server.IsEmpty ? throw Invalid("NBD server address missing") : NbdAddress.Take(server);
    }

    private static string? TakeText(IDictionary<string, string> options, string name) => options.Remove(name, out var value) ? value : null;

    private static long? TakeNumber(IDictionary<string, string> options, string name, long most)
    {
        if (TakeText(options, name) is not { } text)
            return null;
        return long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value) && value <= most
            ? value
            : throw Invalid($"Parameter '{name}' expects a number");
    }

    private static BlockException Invalid(string message) => new(BlockErrorKind.Invalid, message);
}
