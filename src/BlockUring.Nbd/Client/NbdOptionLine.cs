using System.Buffers.Binary;
using System.Text;
using BlockUring.Native.Channels;
using BlockUring.Native.Memory;
using BlockUring.Nbd.Wire;
using BlockUring.Storage;

namespace BlockUring.Nbd.Client;

/// <summary>Options and their replies on a connection.</summary>
internal sealed class NbdOptionLine
{
    // Why: two texts of the longest kind and some numbers; what is longer was not asked for.
    private const int MaxReplyBytes = 2 * NbdLimits.MaxStringBytes + 64;
    private const int ZeroBytes = 124;
    private const string EndOfFile = "Unexpected end-of-file before all bytes were read";

    private readonly BufferPool buffers;

    /// <param name="buffers">Where to rent from.</param>
    /// <param name="channel">Belongs to whoever made this one, as does <see cref="Input"/>.</param>
    public NbdOptionLine(BufferPool buffers, ByteChannel channel)
    {
        this.buffers = buffers;
        Channel = channel;
        Input = new(channel, buffers);
    }

    public ByteChannel Channel { get; }

    public NbdInput Input { get; }

    /// <summary>Whether every option is answered.</summary>
    public bool IsFixed { get; private set; }

    /// <summary>Whether the zeroes behind an export's flags are left out.</summary>
    public bool LeavesZeroesOut { get; private set; }

    public static BlockException Failed(string message) => new(BlockErrorKind.Invalid, message, Native.Interop.Errno.EINVAL);

    /// <summary>The same behind an encryption. The one before is used up.</summary>
    public NbdOptionLine Over(BufferPool pool, ByteChannel session)
    {
        Input.Dispose();
        return new NbdOptionLine(pool, session) { IsFixed = IsFixed, LeavesZeroesOut = LeavesZeroesOut };
    }

    public async ValueTask ExchangeFlagsAsync()
    {
        var offered = (NbdHandshakeFlags)await ReadUInt16Async("server flags");
        IsFixed = (offered & NbdHandshakeFlags.FixedNewstyle) != 0;
        LeavesZeroesOut = (offered & NbdHandshakeFlags.NoZeroes) != 0;
        using var buffer = buffers.Rent(sizeof(uint));
        var accepted = (uint)(offered & (NbdHandshakeFlags.FixedNewstyle | NbdHandshakeFlags.NoZeroes));
        BinaryPrimitives.WriteUInt32BigEndian(buffer.Span, accepted);
        if (!await Channel.SendAllAsync(buffer.Memory))
            throw Failed("Failed to send clientflags field: Connection reset by peer");
    }

    /// <summary>Sends an option that is answered once.</summary>
    /// <returns>False where the server does not do that.</returns>
    public async ValueTask<bool> AskAsync(NbdOption option, byte[] data)
    {
        await SendAsync(option, data);
        var answer = await ReceiveAsync(option);
        if (answer.IsRefused)
            return false;
        if (answer.Type != NbdOptionReply.Acknowledge || answer.Data.Length > 0)
            throw Failed($"Server answered option {(uint)option} ({NameOf(option)}) with unexpected reply {(uint)answer.Type}");
        return true;
    }

    public async ValueTask SendAsync(NbdOption option, byte[] data)
    {
        using var buffer = buffers.Rent(NbdLimits.OptionBytes + data.Length);
        var length = new NbdOptionHeader(option, (uint)data.Length).Write(buffer.Span);
        data.CopyTo(buffer.Span[length..]);
        if (!await Channel.SendAllAsync(buffer.Memory))
            throw Failed($"Failed to send option {(uint)option} ({NameOf(option)}): Connection reset by peer");
    }

    /// <summary>Receives one reply.</summary>
    /// <exception cref="BlockException">The server refuses the option for another reason than that it does not know it.</exception>
    public async ValueTask<NbdOptionAnswer> ReceiveAsync(NbdOption option)
    {
        if (!await Input.FillAsync(NbdLimits.OptionReplyBytes))
            throw Failed($"Failed to read option reply: {EndOfFile}");
        if (!NbdOptionReplyHeader.TryRead(Input.Take(NbdLimits.OptionReplyBytes), out var header))
            throw Failed("Unexpected option reply magic");
        if (header.Option != option)
            throw Failed($"Unexpected option type {(uint)header.Option} ({NameOf(header.Option)}), expected {(uint)option} ({NameOf(option)})");
        if (header.Length > MaxReplyBytes)
            throw Failed($"option reply {(uint)header.Reply} to option {(uint)option} ({NameOf(option)}) is too long: {header.Length} bytes");
        if (!await Input.FillAsync((int)header.Length))
            throw Failed($"Failed to read option reply: {EndOfFile}");
        var data = Input.Take((int)header.Length).ToArray();
        if (header.IsError && header.Reply != NbdOptionReply.Unsupported && IsFatal(option, header.Reply))
            throw Refusal(option, header.Reply, data);
        return new(header.Reply, data);
    }

    public async ValueTask<ulong> ReadUInt64Async(string what)
    {
        await DemandAsync(sizeof(ulong), what);
        return BinaryPrimitives.ReadUInt64BigEndian(Input.Take(sizeof(ulong)));
    }

    public async ValueTask<uint> ReadUInt32Async(string what)
    {
        await DemandAsync(sizeof(uint), what);
        return BinaryPrimitives.ReadUInt32BigEndian(Input.Take(sizeof(uint)));
    }

    public async ValueTask<ushort> ReadUInt16Async(string what)
    {
        await DemandAsync(sizeof(ushort), what);
        return BinaryPrimitives.ReadUInt16BigEndian(Input.Take(sizeof(ushort)));
    }

    public async ValueTask SkipZeroesAsync()
    {
        await DemandAsync(ZeroBytes, "reserved block");
        Input.Take(ZeroBytes);
    }

    private static string NameOf(NbdOption option) => option switch
    {
        NbdOption.ExportName => "export name",
        NbdOption.Abort => "abort",
        NbdOption.List => "list",
        NbdOption.StartTls => "starttls",
        NbdOption.Info => "info",
        NbdOption.Go => "go",
        NbdOption.StructuredReply => "structured reply",
        NbdOption.ListMetaContext => "list meta context",
        NbdOption.SetMetaContext => "set meta context",
        NbdOption.ExtendedHeaders => "extended headers",
        _ => "<unknown>",
    };

    // What is only nice to have can be refused for any reason but this one.
    private static bool IsFatal(NbdOption option, NbdOptionReply reply) => reply == NbdOptionReply.TlsRequired
        || option is NbdOption.StartTls or NbdOption.Go or NbdOption.Info or NbdOption.List;

    private static BlockException Refusal(NbdOption option, NbdOptionReply reply, byte[] data)
    {
        var which = $"{(uint)option} ({NameOf(option)})";
        var text = reply switch
        {
            NbdOptionReply.Policy => $"Denied by server for option {which}",
            NbdOptionReply.Invalid => $"Invalid parameters for option {which}",
            NbdOptionReply.Platform => $"Server lacks support for option {which}",
            NbdOptionReply.TlsRequired => $"Server requires TLS for option {which}\nDid you forget a valid tls-creds?",
            NbdOptionReply.Unknown => "Requested export not available",
            NbdOptionReply.Shutdown => $"Server shutting down before option {which}",
            NbdOptionReply.BlockSizeRequired => $"Server requires INFO_BLOCK_SIZE for option {which}",
            _ => $"Unknown error code when asking for option {which}",
        };
        var said = Printable(data);
        return Failed(said.Length == 0 ? text : $"{text}\nserver reported: {said}");
    }

    // Why: it comes from somebody else and goes to a terminal.
    private static string Printable(byte[] data)
    {
        var text = Encoding.UTF8.GetString(data.AsSpan(0, Math.Min(data.Length, NbdLimits.MaxStringBytes)));
        return string.Concat(text.Select(c => char.IsControl(c) ? '?' : c));
    }

    private async ValueTask DemandAsync(int count, string what)
    {
        if (!await Input.FillAsync(count))
            throw Failed($"Failed to read {what}: {EndOfFile}");
    }
}
