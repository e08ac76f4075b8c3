using System.Numerics;
using System.Text;
using BlockUring.Nbd.Wire;

namespace BlockUring.Nbd.Client;

/// <summary>What a server is asked about exports, and what it answers, checked.</summary>
internal static class NbdExportQuestion
{
    private const int MaxListed = 1 << 16;
    private const int MaxInfos = 64;
    private const int MaxContexts = 4096;
    private const uint Unlimited = uint.MaxValue;

    /// <summary>Asks about an export, and with <see cref="NbdOption.Go"/> begins transmission.</summary>
    /// <returns>Null where the server does not know the option.</returns>
    public static async ValueTask<NbdExport?> AskAsync(NbdOptionLine options, NbdOption option, string name)
    {
        await options.SendAsync(option, InfoQuery(name));
        var export = new NbdExport { Name = name };
        var isKnown = false;
        for (var count = 0; count < MaxInfos; count++)
        {
            var reply = await options.ReceiveAsync(option);
            if (reply.IsRefused)
                return null;
            if (reply.Type == NbdOptionReply.Acknowledge)
                return isKnown && reply.Data.Length == 0 ? Checked(export) : throw NbdOptionLine.Failed("broken server omitted NBD_INFO_EXPORT");
            if (reply.Type != NbdOptionReply.Info)
                throw NbdOptionLine.Failed($"unexpected reply type {(uint)reply.Type}, expected 3");
            (export, var isExport) = ReadInfo(export, reply.Data);
            isKnown |= isExport;
        }

        throw NbdOptionLine.Failed("The server does not stop telling of the export");
    }

    /// <summary>The exports of a server, with nothing but names and descriptions.</summary>
    public static async ValueTask<List<NbdExport>> ListAsync(NbdOptionLine options)
    {
        var exports = new List<NbdExport>();
        await options.SendAsync(NbdOption.List, []);
        while (true)
        {
            var reply = await options.ReceiveAsync(NbdOption.List);
            if (reply.IsRefused || reply.Type == NbdOptionReply.Acknowledge)
                return exports;
            if (reply.Type != NbdOptionReply.Server)
                throw NbdOptionLine.Failed($"Unexpected reply type {(uint)reply.Type}, expected 2");
            exports.Add(ReadListed(reply.Data));
            if (exports.Count > MaxListed)
                throw NbdOptionLine.Failed($"The server has more than {MaxListed} exports");
        }
    }

    /// <summary>The metadata contexts of an export.</summary>
    public static async ValueTask<IReadOnlyList<string>> ListContextsAsync(NbdOptionLine options, string export)
    {
        var contexts = new List<string>();
        await options.SendAsync(NbdOption.ListMetaContext, ContextQuery(export, []));
        while (true)
        {
            var reply = await options.ReceiveAsync(NbdOption.ListMetaContext);
            if (reply.IsRefused || reply.Type == NbdOptionReply.Acknowledge)
                return contexts;
            if (reply.Type != NbdOptionReply.MetaContext)
                throw NbdOptionLine.Failed($"Unexpected reply type {(uint)reply.Type}, expected 4");
            contexts.Add(ReadContext(reply.Data).Name);
            if (contexts.Count > MaxContexts)
                throw NbdOptionLine.Failed($"The export has more than {MaxContexts} metadata contexts");
        }
    }

    /// <summary>The data of the options about metadata contexts.</summary>
    public static byte[] ContextQuery(string export, string[] queries)
    {
        var data = new byte[2 * sizeof(uint) + Encoding.UTF8.GetByteCount(export) + queries.Sum(q => sizeof(uint) + Encoding.UTF8.GetByteCount(q))];
        var writer = new WireWriter(data);
        writer.WriteLengthAndText(export);
        writer.Write((uint)queries.Length);
        foreach (var query in queries)
            writer.WriteLengthAndText(query);
        return data;
    }

    /// <summary>A metadata context with its number.</summary>
    public static (uint Id, string Name) ReadContext(byte[] data)
    {
        var reader = new WireReader(data);
        if (!reader.TryRead(out uint id) || !reader.TryReadText((uint)reader.Rest.Length, out var name) || name.Length == 0)
            throw NbdOptionLine.Failed("Failed to decode a metadata context");
        return (id, name);
    }

    /// <summary>The export, if it makes sense.</summary>
    public static NbdExport Checked(NbdExport export)
    {
        if (export.Length < 0)
            throw NbdOptionLine.Failed($"export length {(ulong)export.Length} is too large");
        if (export.Sizes is not { } sizes)
            return export;
        if (!BitOperations.IsPow2(sizes.Minimum))
            throw NbdOptionLine.Failed($"server minimum block size {sizes.Minimum} is not a power of two");
        if (!BitOperations.IsPow2(sizes.Preferred) || sizes.Preferred < sizes.Minimum)
            throw NbdOptionLine.Failed($"server preferred block size {sizes.Preferred} is not valid");
        if (sizes.Maximum < sizes.Minimum || (sizes.Maximum != Unlimited && sizes.Maximum % sizes.Minimum != 0))
            throw NbdOptionLine.Failed($"server maximum block size {sizes.Maximum} is not valid");
        if (export.Length % sizes.Minimum != 0)
            throw NbdOptionLine.Failed($"export length {export.Length} is not multiple of minimum block size {sizes.Minimum}");
        return export;
    }

    private static byte[] InfoQuery(string name)
    {
        var data = new byte[sizeof(uint) + Encoding.UTF8.GetByteCount(name) + 2 * sizeof(ushort)];
        var writer = new WireWriter(data);
        writer.WriteLengthAndText(name);
        writer.Write((ushort)1);
        writer.Write((ushort)NbdInfo.BlockSize);
        return data;
    }

    private static (NbdExport Export, bool IsExport) ReadInfo(NbdExport export, byte[] data)
    {
        var reader = new WireReader(data);
        if (!reader.TryRead(out ushort kind))
            throw NbdOptionLine.Failed("invalid length for info message");
        switch ((NbdInfo)kind)
        {
            case NbdInfo.Export:
                if (!reader.TryRead(out ulong length) || !reader.TryRead(out ushort flags) || !reader.IsAtEnd)
                    throw NbdOptionLine.Failed("invalid length for NBD_INFO_EXPORT");
                return (export with { Length = (long)length, Flags = (NbdTransmissionFlags)flags }, true);
            case NbdInfo.BlockSize:
                if (!NbdBlockSizes.TryRead(ref reader, out var sizes) || !reader.IsAtEnd)
                    throw NbdOptionLine.Failed("invalid length for NBD_INFO_BLOCK_SIZE");
                return (export with { Sizes = sizes }, false);
            case NbdInfo.Name:
                return (reader.TryReadText((uint)reader.Rest.Length, out var name) ? export with { CanonicalName = name } : export, false);
            case NbdInfo.Description:
                return (reader.TryReadText((uint)reader.Rest.Length, out var text) ? export with { Description = text } : export, false);
            default:
                return (export, false);
        }
    }

    private static NbdExport ReadListed(byte[] data)
    {
        var reader = new WireReader(data);
        if (!reader.TryReadLengthAndText(out var name) || !reader.TryReadText((uint)reader.Rest.Length, out var description))
            throw NbdOptionLine.Failed("incorrect option name length");
        return new NbdExport { Name = name, Description = description.Length == 0 ? null : description };
    }
}
