using BlockUring.Storage;

namespace BlockUring.Images;

/// <summary>Where the file of an image is: a path of the host, or the options of a protocol.</summary>
public sealed class FileSource
{
    private readonly FileHost host;
    private readonly FileProtocol? protocol;
    private readonly OptionTree options;

    private FileSource(FileHost host, string name, FileProtocol? protocol, OptionTree options)
    {
        this.host = host;
        this.protocol = protocol;
        this.options = options;
        Name = name;
    }

    /// <summary>Tells files from one another before they are open: the path, or the options.</summary>
    public string Name { get; }

    /// <summary>Whether it is to be opened once only: a server may end with its first client.</summary>
    public bool OpensOnce => protocol != null;

    /// <summary>A path.</summary>
    public static FileSource OfPath(FileHost host, string path) => new(host, path, null, new());

    /// <summary>The options of a protocol.</summary>
    public static FileSource OfProtocol(FileHost host, FileProtocol protocol, OptionTree options) =>
        new(host, $"{protocol.Driver}:{string.Join(',', options.Values.Select(o => $"{o.Key}={o.Value}"))}", protocol, options);

    /// <summary>The options of a file that goes by this name, in a tree where they belong to the child "file".</summary>
    /// <param name="host">Knows the protocols.</param>
    /// <param name="name">A path, "file:PATH", or a name of a protocol.</param>
    /// <exception cref="BlockException">The name is malformed.</exception>
    public static OptionTree OptionsOf(FileHost host, string name)
    {
        var options = new OptionTree();
        if (host.ProtocolOf(name) is not { } protocol)
        {
            options.Set("file.filename", name.StartsWith("file:", StringComparison.Ordinal) ? name[5..] : name);
            return options;
        }

        options.Set("file.driver", protocol.Driver);
        foreach (var (key, value) in protocol.ParseName(name))
            options.Set("file." + key, value);
        return options;
    }

    /// <summary>As <see cref="OptionsOf"/>, with the driver named in any case.</summary>
    public static OptionTree NodeOptionsOf(FileHost host, string name)
    {
        var options = OptionsOf(host, name);
        if (options.Get("file.driver") == null)
            options.Set("file.driver", "file");
        return options;
    }

    /// <summary>Opens it.</summary>
    /// <exception cref="BlockException">Why not.</exception>
    public async ValueTask<BlockFile> OpenAsync(FileOpenOptions how)
    {
        if (protocol == null)
            return await host.OpenAsync(Name, how);
        var given = new Dictionary<string, string>(options.Values, StringComparer.Ordinal);
        var file = await protocol.OpenAsync(given, how);
        if (given.Count == 0)
            return file;
        await file.DisposeAsync();
        var left = given.Keys.Order(StringComparer.Ordinal).First();
        throw new BlockException(BlockErrorKind.Invalid, $"Block protocol '{protocol.Driver}' doesn't support the option '{left}'");
    }
}
