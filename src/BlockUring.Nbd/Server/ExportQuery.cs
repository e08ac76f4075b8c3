using BlockUring.Nbd.Wire;

namespace BlockUring.Nbd.Server;

/// <summary>The data of an option that asks about an export.</summary>
/// <param name="Name">The export's name.</param>
/// <param name="Infos">What a client asks for (<see cref="NbdOption.Info"/>, <see cref="NbdOption.Go"/>).</param>
/// <param name="Contexts">Queries (<see cref="NbdOption.ListMetaContext"/>, <see cref="NbdOption.SetMetaContext"/>).</param>
internal sealed record ExportQuery(string Name, IReadOnlyList<NbdInfo> Infos, IReadOnlyList<string> Contexts)
{
    /// <summary>Reads the data of <see cref="NbdOption.Info"/> and <see cref="NbdOption.Go"/>: name, count (16), kinds (16 each).</summary>
    /// <returns>Null where it is wrong.</returns>
    public static ExportQuery? OfInfo(ReadOnlySpan<byte> data)
    {
        var reader = new WireReader(data);
        if (!reader.TryReadLengthAndText(out var name) || !reader.TryRead(out ushort count) || reader.Rest.Length != count * sizeof(ushort))
            return null;
        var infos = new List<NbdInfo>();
        while (reader.TryRead(out ushort info))
            infos.Add((NbdInfo)info);
        return new(name, infos, []);
    }

    /// <summary>Reads the data of the options about metadata contexts: name, count (32), queries.</summary>
    /// <returns>Null where it is wrong.</returns>
    public static ExportQuery? OfContexts(ReadOnlySpan<byte> data)
    {
        var reader = new WireReader(data);
        if (!reader.TryReadLengthAndText(out var name) || !reader.TryRead(out uint count) || count > (uint)reader.Rest.Length / sizeof(uint))
            return null;
        var queries = new List<string>();
        for (var i = 0; i < count; i++)
        {
            if (!reader.TryReadLengthAndText(out var query))
                return null;
            queries.Add(query);
        }

        return reader.IsAtEnd ? new(name, [], queries) : null;
    }
}
