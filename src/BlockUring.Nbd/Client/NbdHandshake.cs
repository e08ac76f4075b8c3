using BlockUring.Native.Channels;
using BlockUring.Native.Memory;
using BlockUring.Nbd.Wire;
using BlockUring.Storage;

namespace BlockUring.Nbd.Client;

/// <summary>The client's side of the handshake, from the server's greeting to the transmission phase (NBD protocol, "Handshake phase").</summary>
/// <remarks>Owns the connection, until it is moved to somebody else: <see cref="Detach"/>.</remarks>
internal sealed class NbdHandshake : IDisposable
{
    private readonly NbdClientSettings settings;
    private readonly BufferPool buffers;
    private NbdOptionLine options;
    private bool isDetached;

    public NbdHandshake(BufferPool buffers, ByteChannel channel, NbdClientSettings settings)
    {
        this.buffers = buffers;
        this.settings = settings;
        options = new(buffers, channel);
    }

    /// <summary>Ends the attempt.</summary>
    public ValueTask ShutdownAsync() => options.Channel.ShutdownAsync();

    /// <summary>Agrees on everything and begins transmission.</summary>
    /// <exception cref="BlockException">Why not, in QEMU's words.</exception>
    public async ValueTask<NbdExport> GoAsync()
    {
        if (!await GreetAsync())
            return await ReadOldstyleAsync();
        if (!options.IsFixed)
            return await ExportNameAsync();
        var style = await AgreeOnStyleAsync();
        var context = style == NbdReplyStyle.Simple ? null : await ChooseContextAsync();
        if (settings.DirtyBitmap != null && context == null)
            throw Failed($"requested x-dirty-bitmap {settings.DirtyBitmap} not found");
        var export = await NbdExportQuestion.AskAsync(options, NbdOption.Go, settings.ExportName) ?? await ExportNameAsync();
        return export with { Style = style, ContextId = context };
    }

    /// <summary>Asks for all exports and what can be known of them.</summary>
    /// <exception cref="BlockException">Why not, in QEMU's words.</exception>
    public async ValueTask<IReadOnlyList<NbdExport>> ListAsync()
    {
        if (!await GreetAsync())
            return [await ReadOldstyleAsync()];
        if (!options.IsFixed)
            throw Failed("Server does not support export lists");
        var style = await AgreeOnStyleAsync();
        var listed = await NbdExportQuestion.ListAsync(options);
        var exports = new List<NbdExport>();
        foreach (var export in listed)
        {
            var known = await NbdExportQuestion.AskAsync(options, NbdOption.Info, export.Name);
            if (known == null)
            {
                exports.Add(export);
                continue;
            }

            var contexts = style == NbdReplyStyle.Simple ? [] : await NbdExportQuestion.ListContextsAsync(options, export.Name);
            exports.Add(known with { Description = export.Description, Style = style, Contexts = contexts });
        }

        await options.SendAsync(NbdOption.Abort, []);
        return exports;
    }

    /// <summary>Hands the connection on, with what has been received already.</summary>
    public (ByteChannel Channel, NbdInput Input) Detach()
    {
        isDetached = true;
        return (options.Channel, options.Input);
    }

    public void Dispose()
    {
        if (isDetached)
            return;
        options.Input.Dispose();
        options.Channel.Dispose();
    }

    private static BlockException Failed(string message) => NbdOptionLine.Failed(message);

    /// <returns>False for an oldstyle server.</returns>
    private async ValueTask<bool> GreetAsync()
    {
        if (await options.ReadUInt64Async("initial magic") is var magic && magic != NbdMagic.Greeting)
            throw Failed($"Bad initial magic received: 0x{magic:x16}");
        var style = await options.ReadUInt64Async("server magic");
        if (style == NbdMagic.Oldstyle)
            return false;
        if (style != NbdMagic.Option)
            throw Failed($"Bad server magic received: 0x{style:x16}");
        await options.ExchangeFlagsAsync();
        if (settings.Tls != null)
            await StartTlsAsync(settings.Tls);
        return true;
    }

    private async ValueTask<NbdExport> ReadOldstyleAsync()
    {
        if (settings.Tls != null)
            throw Failed("Server does not support STARTTLS");
        if (settings.ExportName.Length > 0)
            throw Failed("Server does not support non-empty export names");
        var length = await options.ReadUInt64Async("export length");
        var flags = await options.ReadUInt32Async("export flags");
        await options.SkipZeroesAsync();
        return NbdExportQuestion.Checked(new NbdExport { Name = "", Length = (long)length, Flags = (NbdTransmissionFlags)flags });
    }

    private async ValueTask StartTlsAsync(NbdTlsUpgrade upgrade)
    {
        if (!options.IsFixed)
            throw Failed("Server does not support STARTTLS");
        if (!await options.AskAsync(NbdOption.StartTls, []))
            throw Failed("Server don't support STARTTLS option");
        // Why: somebody on the way could put bytes there, which would count as the server's own behind the encryption.
        if (options.Input.Buffered.Length > 0)
            throw Failed("The server sent data ahead of the TLS session");
        var session = await upgrade(options.Channel, settings.TlsHostName ?? settings.Address.Host);
        options = options.Over(buffers, session);
    }

    private async ValueTask<NbdReplyStyle> AgreeOnStyleAsync()
    {
        if (!await options.AskAsync(NbdOption.StructuredReply, []))
            return NbdReplyStyle.Simple;
        return await options.AskAsync(NbdOption.ExtendedHeaders, []) ? NbdReplyStyle.Extended : NbdReplyStyle.Structured;
    }

    private async ValueTask<uint?> ChooseContextAsync()
    {
        var wanted = settings.DirtyBitmap ?? NbdContexts.Allocation;
        uint? chosen = null;
        await options.SendAsync(NbdOption.SetMetaContext, NbdExportQuestion.ContextQuery(settings.ExportName, [wanted]));
        while (true)
        {
            var reply = await options.ReceiveAsync(NbdOption.SetMetaContext);
            if (reply.IsRefused)
                return null;
            if (reply.Type == NbdOptionReply.Acknowledge)
                return chosen;
            if (reply.Type != NbdOptionReply.MetaContext)
                throw Failed($"Unexpected reply type {(uint)reply.Type} for option 10 (set meta context)");
            if (chosen != null)
                throw Failed("Server replied with more than one context");
            var (id, name) = NbdExportQuestion.ReadContext(reply.Data);
            if (name != wanted)
                throw Failed($"Failed to negotiate query '{wanted}', server answered with different context '{name}'");
            chosen = id;
        }
    }

    private async ValueTask<NbdExport> ExportNameAsync()
    {
        await options.SendAsync(NbdOption.ExportName, System.Text.Encoding.UTF8.GetBytes(settings.ExportName));
        var length = await options.ReadUInt64Async("export length");
        var flags = await options.ReadUInt16Async("export flags");
        if (!options.LeavesZeroesOut)
            await options.SkipZeroesAsync();
        return NbdExportQuestion.Checked(
            new NbdExport { Name = settings.ExportName, Length = (long)length, Flags = (NbdTransmissionFlags)flags });
    }
}
