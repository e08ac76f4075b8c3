using System.Text;
using BlockUring.Native.Channels;
using BlockUring.Native.Memory;
using BlockUring.Nbd.Wire;

namespace BlockUring.Nbd.Server;

/// <summary>
/// Fixed newstyle negotiation, the server's side (NBD protocol, "Handshake"). Wrong input ends it; what is merely unknown or refused is answered.
/// </summary>
internal sealed class NbdHandshake : IDisposable
{
    /// <summary>Bytes of the buffer for what clients send, here and later.</summary>
    public const int InputBytes = 128 << 10;

    // What a sane option needs: some names of the greatest length.
    private const int MaxDataBytes = 64 << 10;

    private readonly NbdServer server;
    private readonly HandshakeOutput output;
    private bool isFixed;
    private bool omitsZeroes;
    private bool isEncrypted;
    private NbdReplyStyle style;
    private string? contextExport;
    private IReadOnlyList<MetaContext> contexts = [];

    /// <summary>Makes a handshake.</summary>
    /// <param name="server">Whose exports are offered.</param>
    /// <param name="channel">Just connected. Becomes another one with TLS, which owns the first.</param>
    /// <param name="buffers">Of the channel's thread.</param>
    public NbdHandshake(NbdServer server, ByteChannel channel, BufferPool buffers)
    {
        this.server = server;
        Channel = channel;
        Input = new(channel, buffers, InputBytes);
        output = MakeOutput(channel, buffers);
    }

    /// <summary>The channel in use.</summary>
    public ByteChannel Channel { get; private set; }

    /// <summary>What comes through it; the transmission uses it too.</summary>
    public ChannelInput Input { get; }

    private bool MustEncryptFirst => server.Options.RequiresEncryption && !isEncrypted;

    /// <summary>Negotiates.</summary>
    /// <returns>What was agreed; null where the connection is to end.</returns>
    public async ValueTask<NbdAgreement?> RunAsync()
    {
        if (!await GreetAsync())
            return null;
        while (await output.FlushAsync() && await NextOptionAsync() is { } header)
        {
            var (option, length) = (header.Option, (int)header.Length);
            if (!isFixed && option != NbdOption.ExportName)
                return null;
            if (MustEncryptFirst && option is not (NbdOption.StartTls or NbdOption.Abort))
            {
                if (option == NbdOption.ExportName || !await RefuseUnencryptedAsync(option, length))
                    return null;
                continue;
            }

            switch (option)
            {
                case NbdOption.ExportName:
                    return await UseNamedAsync(length);
                case NbdOption.Abort:
                    await EndAsync();
                    return null;
                case NbdOption.Go when await InformAsync(option, length) is { } export:
                    return await output.FlushAsync() && !export.IsEnding ? Agree(export) : null;
                case NbdOption.Go:
                    break;
                case NbdOption.Info:
                    await InformAsync(option, length);
                    break;
                case NbdOption.StartTls:
                    if (!await EncryptAsync(length))
                        return null;
                    break;
                default:
                    await AnswerAsync(option, length);
                    break;
            }
        }

        return null;
    }

    /// <summary>Closes the channel and returns the buffers; nothing may be in flight.</summary>
    public void Dispose()
    {
        output.Dispose();
        Input.Dispose();
        Channel.Dispose();
    }

    private HandshakeOutput MakeOutput(ByteChannel channel, BufferPool buffers)
    {
        try
        {
            return new(channel, buffers);
        }
        catch (InsufficientMemoryException)
        {
            Input.Dispose();
            throw;
        }
    }

    private async ValueTask<bool> GreetAsync()
    {
        var greeting = new byte[18];
        var writer = new WireWriter(greeting);
        writer.Write(NbdMagic.Greeting);
        writer.Write(NbdMagic.Option);
        writer.Write((ushort)(NbdHandshakeFlags.FixedNewstyle | NbdHandshakeFlags.NoZeroes));
        if (!await output.AddAsync(greeting) || !await output.FlushAsync() || !await Input.FillAsync(sizeof(uint)))
            return false;
        return TakeClientFlags();
    }

    private bool TakeClientFlags()
    {
        _ = new WireReader(Input.Available).TryRead(out uint value);
        Input.Take(sizeof(uint));
        var flags = (NbdHandshakeFlags)value;
        isFixed = (flags & NbdHandshakeFlags.FixedNewstyle) != 0;
        omitsZeroes = (flags & NbdHandshakeFlags.NoZeroes) != 0;
        return (flags & ~(NbdHandshakeFlags.FixedNewstyle | NbdHandshakeFlags.NoZeroes)) == 0;
    }

    // Answers the next option whose data are there; what has too much is refused here, what is none ends the connection.
    private async ValueTask<NbdOptionHeader?> NextOptionAsync()
    {
        while (await Input.FillAsync(NbdLimits.OptionBytes) && NbdOptionHeader.TryRead(Input.Available, out var header))
        {
            Input.Take(NbdLimits.OptionBytes);
            if (header.Length > NbdLimits.MaxOptionBytes)
                return null;
            if (header.Length <= MaxDataBytes)
                return await Input.FillAsync((int)header.Length) ? header : null;
            if (header.Option == NbdOption.ExportName || !await Input.SkipAsync(header.Length)
                || !await output.RefuseAsync(header.Option, NbdOptionReply.TooBig, "too much data") || !await output.FlushAsync())
            {
                return null;
            }
        }

        return null;
    }

    private ValueTask<bool> RefuseUnencryptedAsync(NbdOption option, int length)
    {
        Input.Take(length);
        return output.RefuseAsync(option, NbdOptionReply.TlsRequired, $"Option 0x{(uint)option:x} not permitted before TLS");
    }

    private async ValueTask EndAsync()
    {
        // The client may be gone; nobody minds.
        if (await output.ReplyAsync(NbdOption.Abort, NbdOptionReply.Acknowledge))
            await output.FlushAsync();
    }

    private async ValueTask<NbdAgreement?> UseNamedAsync(int length)
    {
        if (FindNamed(length) is not { } export)
            return null;
        var answer = new byte[10 + (omitsZeroes ? 0 : 124)];
        WriteExport(export, answer);
        return await output.AddAsync(answer) && await output.FlushAsync() && !export.IsEnding ? Agree(export) : null;
    }

    private NbdExport? FindNamed(int length)
    {
        var isText = new WireReader(Input.Available).TryReadText((uint)length, out var name);
        Input.Take(length);
        return isText ? server.Find(name!) : null;
    }

    private void WriteExport(NbdExport export, Span<byte> target)
    {
        var writer = new WireWriter(target);
        writer.Write((ulong)export.Length);
        writer.Write((ushort)export.FlagsFor(style != NbdReplyStyle.Simple, server.Options.MaxConnections != 1));
    }

    private NbdAgreement Agree(NbdExport export) => new(export, style, export.Name == contextExport ? contexts : []);

    // All options that leave the handshake where it is.
    private async ValueTask AnswerAsync(NbdOption option, int length)
    {
        switch (option)
        {
            case NbdOption.List:
                await ListAsync(length);
                break;
            case NbdOption.StructuredReply:
                await RaiseStyleAsync(option, length, NbdReplyStyle.Structured);
                break;
            case NbdOption.ExtendedHeaders:
                await RaiseStyleAsync(option, length, NbdReplyStyle.Extended);
                break;
            case NbdOption.ListMetaContext:
            case NbdOption.SetMetaContext:
                await AnswerContextsAsync(option, length);
                break;
            default:
                Input.Take(length);
                await output.RefuseAsync(option, NbdOptionReply.Unsupported, $"Unsupported option {(uint)option}");
                break;
        }
    }

    private async ValueTask ListAsync(int length)
    {
        Input.Take(length);
        if (length > 0)
        {
            await output.RefuseAsync(NbdOption.List, NbdOptionReply.Invalid, "option 'list' should have zero length");
            return;
        }

        foreach (var export in server.Exports.ToArray())
        {
            var data = new byte[sizeof(uint) + Encoding.UTF8.GetByteCount(export.Name + export.Text)];
            var writer = new WireWriter(data);
            writer.WriteLengthAndText(export.Name);
            writer.WriteText(export.Text ?? "");
            if (!await output.ReplyAsync(NbdOption.List, NbdOptionReply.Server, data))
                return;
        }

        await output.ReplyAsync(NbdOption.List, NbdOptionReply.Acknowledge);
    }

    private async ValueTask RaiseStyleAsync(NbdOption option, int length, NbdReplyStyle wanted)
    {
        Input.Take(length);
        if (length > 0)
        {
            await output.RefuseAsync(option, NbdOptionReply.Invalid, "the option should have zero length");
            return;
        }

        if (style >= wanted)
        {
            await output.RefuseAsync(option, NbdOptionReply.Invalid, "already negotiated");
            return;
        }

        style = wanted;
        await output.ReplyAsync(option, NbdOptionReply.Acknowledge);
    }

    private async ValueTask AnswerContextsAsync(NbdOption option, int length)
    {
        var query = ExportQuery.OfContexts(Input.Available[..length]);
        Input.Take(length);
        if (style == NbdReplyStyle.Simple || query == null)
        {
            var why = query == null ? "invalid data" : "request option when structured reply is not negotiated";
            await output.RefuseAsync(option, NbdOptionReply.Invalid, why);
            return;
        }

        if (server.Find(query.Name) is not { } export)
        {
            await output.RefuseAsync(option, NbdOptionReply.Unknown, $"export '{query.Name}' not present");
            return;
        }

        var isList = option == NbdOption.ListMetaContext;
        var chosen = export.Contexts.Where(c => (isList && query.Contexts.Count == 0) || query.Contexts.Any(q => c.Matches(q, isList))).ToArray();
        if (!isList)
            (contextExport, contexts) = (export.Name, chosen);
        foreach (var context in chosen)
        {
            if (!await output.ReplyAsync(option, NbdOptionReply.MetaContext, DescribeContext(context, isList)))
                return;
        }

        await output.ReplyAsync(option, NbdOptionReply.Acknowledge);
    }

    private static byte[] DescribeContext(MetaContext context, bool isList)
    {
        var data = new byte[sizeof(uint) + Encoding.UTF8.GetByteCount(context.Name)];
        var writer = new WireWriter(data);
        writer.Write(isList ? 0 : context.Id);
        writer.WriteText(context.Name);
        return data;
    }

    // Answers the export where there is one and all was told of it.
    private async ValueTask<NbdExport?> InformAsync(NbdOption option, int length)
    {
        var query = ExportQuery.OfInfo(Input.Available[..length]);
        Input.Take(length);
        if (query == null)
        {
            await output.RefuseAsync(option, NbdOptionReply.Invalid, "invalid data");
            return null;
        }

        if (server.Find(query.Name) is not { } export)
        {
            await output.RefuseAsync(option, NbdOptionReply.Unknown, $"export '{query.Name}' not present");
            return null;
        }

        foreach (var info in Describe(export, query))
        {
            if (!await output.ReplyAsync(option, NbdOptionReply.Info, info))
                return null;
        }

        return await output.ReplyAsync(option, NbdOptionReply.Acknowledge) ? export : null;
    }

    private IEnumerable<byte[]> Describe(NbdExport export, ExportQuery query)
    {
        if (query.Infos.Contains(NbdInfo.Name))
            yield return TextInfo(NbdInfo.Name, export.Name);
        if (export.Text != null)
            yield return TextInfo(NbdInfo.Description, export.Text);
        yield return SizesInfo();
        var data = new byte[sizeof(ushort) + 10];
        WriteExport(export, data.AsSpan(sizeof(ushort)));
        yield return data;
    }

    private static byte[] TextInfo(NbdInfo info, string text)
    {
        var data = new byte[sizeof(ushort) + Encoding.UTF8.GetByteCount(text)];
        var writer = new WireWriter(data);
        writer.Write((ushort)info);
        writer.WriteText(text);
        return data;
    }

    private static byte[] SizesInfo()
    {
        var data = new byte[sizeof(ushort) + NbdBlockSizes.Bytes];
        var writer = new WireWriter(data);
        writer.Write((ushort)NbdInfo.BlockSize);
        NbdBlockSizes.Default.Write(ref writer);
        return data;
    }

    // Answers false where the connection is to end.
    private async ValueTask<bool> EncryptAsync(int length)
    {
        const NbdOption Option = NbdOption.StartTls;
        Input.Take(length);
        if (length > 0 || isEncrypted)
            return await output.RefuseAsync(Option, NbdOptionReply.Invalid, isEncrypted ? "TLS is on already" : "the option should have zero length");
        if (server.Options.Encrypt is not { } encrypt)
            return await output.RefuseAsync(Option, NbdOptionReply.Policy, "TLS not configured");
        // Why: what came before TLS in the clear must not count as said behind it.
        if (!Input.Available.IsEmpty || !await output.ReplyAsync(Option, NbdOptionReply.Acknowledge) || !await output.FlushAsync())
            return false;
        if (await TryEncryptAsync(encrypt) is not { } encrypted)
            return false;
        Channel = encrypted;
        Input.MoveTo(encrypted);
        output.MoveTo(encrypted);
        isEncrypted = true;
        (style, contextExport, contexts) = (NbdReplyStyle.Simple, null, []);
        return true;
    }

    private async ValueTask<ByteChannel?> TryEncryptAsync(Func<ByteChannel, ValueTask<ByteChannel?>> encrypt)
    {
        try
        {
            return await encrypt(Channel);
        }
        catch (IOException)
        {
            // A client without the right keys: its connection ends.
            return null;
        }
    }
}
