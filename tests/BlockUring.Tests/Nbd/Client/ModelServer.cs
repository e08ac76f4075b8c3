using System.Buffers.Binary;
using BlockUring.Native.Channels;
using BlockUring.Native.Memory;
using BlockUring.Nbd.Wire;

namespace BlockUring.Tests.Nbd.Client;

/// <summary>
/// A connection to a server in the same process, which serves a disk of known content and now and then says something that makes no sense; from
/// then on it hangs up when it is waited for.
/// </summary>
internal sealed class ModelServer : ByteChannel
{
    public const int Length = 1 << 20;

    private static readonly ulong[] Interesting =
        [0, 1, 7, 8, 9, 12, 28, 511, 4096, 0x7fffffff, 0x80000000, 0xffffffff, 1ul << 32, 1ul << 62, 1ul << 63, ulong.MaxValue];

    private readonly Random random;
    private readonly double mutationShare;
    private readonly NbdReplyStyle offered;
    private readonly List<byte> incoming = [];
    private readonly List<byte> outgoing = [];
    private NbdReplyStyle style;
    private TaskCompletionSource<int>? receiving;
    private IoMemory destination;
    private Stage stage = Stage.Flags;
    private bool isShutDown;

    public ModelServer(Random random, double mutationShare, NbdReplyStyle offered)
    {
        this.random = random;
        this.mutationShare = mutationShare;
        this.offered = offered;
        Say(w =>
        {
            w.Write(NbdMagic.Greeting);
            w.Write(NbdMagic.Option);
            w.Write((ushort)(NbdHandshakeFlags.FixedNewstyle | NbdHandshakeFlags.NoZeroes));
            return w.Length;
        });
    }

    private enum Stage
    {
        Flags,
        Options,
        Transmission,
    }

    /// <summary>Whether it has said anything that makes no sense.</summary>
    public bool HasMutated { get; private set; }

    public bool IsDisposed { get; private set; }

    /// <summary>The byte of the disk at an offset, as it was at the beginning.</summary>
    public static byte ByteAt(long offset) => offset % 65536 < 16384 ? (byte)0 : (byte)((offset >> 9) ^ offset);

    public override ValueTask<int> ReceiveAsync(IoMemory destination)
    {
        Assert(receiving == null && !IsDisposed, "two receives at a time, or one after the end");
        if (outgoing.Count > 0)
            return new(Deliver(destination));
        if (isShutDown || HasMutated)
            return new(0);
        this.destination = destination;
        receiving = new();
        return new(receiving.Task);
    }

    public override ValueTask<int> SendAsync(IoMemory source)
    {
        Assert(!IsDisposed, "a send after the end");
        if (isShutDown)
            return new(-32);
        var part = random.Next(1, source.Length + 1);
        incoming.AddRange(source.Span[..part]);
        while (TryServe())
        {
        }

        Wake();
        return new(part);
    }

    public override ValueTask ShutdownAsync()
    {
        isShutDown = true;
        Wake();
        return default;
    }

    protected override void Dispose(bool isDisposing)
    {
        Assert(receiving == null, "closed with a receive in flight");
        IsDisposed = true;
    }

    private static void Assert(bool holds, string what)
    {
        if (!holds)
            throw new InvalidOperationException(what);
    }

    private void Wake()
    {
        if (receiving == null || (outgoing.Count == 0 && !isShutDown && !HasMutated))
            return;
        var waiting = receiving;
        receiving = null;
        waiting.SetResult(outgoing.Count > 0 && !isShutDown ? Deliver(destination) : 0);
    }

    private int Deliver(IoMemory target)
    {
        var part = random.Next(1, Math.Min(target.Length, outgoing.Count) + 1);
        outgoing[..part].ToArray().CopyTo(target.Span);
        outgoing.RemoveRange(0, part);
        return part;
    }

    private byte[]? Take(int count)
    {
        if (incoming.Count < count)
            return null;
        var taken = incoming[..count].ToArray();
        incoming.RemoveRange(0, count);
        return taken;
    }

    private bool TryServe() => stage switch
    {
        Stage.Flags => Take(sizeof(uint)) != null && Enter(Stage.Options),
        Stage.Options => TryServeOption(),
        _ => TryServeRequest(),
    };

    private bool Enter(Stage next)
    {
        stage = next;
        return true;
    }

    private bool TryServeOption()
    {
        if (incoming.Count < NbdLimits.OptionBytes)
            return false;
        Assert(NbdOptionHeader.TryRead(incoming[..NbdLimits.OptionBytes].ToArray(), out var option), "no option");
        if (incoming.Count < NbdLimits.OptionBytes + option.Length)
            return false;
        incoming.RemoveRange(0, NbdLimits.OptionBytes + (int)option.Length);
        switch (option.Option)
        {
            case NbdOption.StructuredReply when offered >= NbdReplyStyle.Structured:
                style = NbdReplyStyle.Structured;
                Reply(option.Option, NbdOptionReply.Acknowledge, []);
                break;
            case NbdOption.ExtendedHeaders when offered == NbdReplyStyle.Extended:
                style = NbdReplyStyle.Extended;
                Reply(option.Option, NbdOptionReply.Acknowledge, []);
                break;
            case NbdOption.SetMetaContext:
                Reply(option.Option, NbdOptionReply.MetaContext, [0, 0, 0, 5, .. "base:allocation"u8]);
                Reply(option.Option, NbdOptionReply.Acknowledge, []);
                break;
            case NbdOption.Go:
                var info = new byte[12];
                BinaryPrimitives.WriteUInt64BigEndian(info.AsSpan(2), Length);
                const NbdTransmissionFlags flags = NbdTransmissionFlags.HasFlags | NbdTransmissionFlags.SendFlush | NbdTransmissionFlags.SendTrim
                    | NbdTransmissionFlags.SendWriteZeroes | NbdTransmissionFlags.CanMultiConnection;
                BinaryPrimitives.WriteUInt16BigEndian(info.AsSpan(10), (ushort)flags);
                Reply(option.Option, NbdOptionReply.Info, info);
                Reply(option.Option, NbdOptionReply.Acknowledge, []);
                stage = Stage.Transmission;
                break;
            default:
                Reply(option.Option, NbdOptionReply.Unsupported, []);
                break;
        }

        return true;
    }

    private bool TryServeRequest()
    {
        var isExtended = style == NbdReplyStyle.Extended;
        var bytes = NbdRequest.Bytes(isExtended);
        if (incoming.Count < bytes)
            return false;
        Assert(NbdRequest.TryRead(incoming[..bytes].ToArray(), isExtended, out var request), "no request");
        var payload = request.Command == NbdCommand.Write ? (int)request.Length : 0;
        if (incoming.Count < bytes + payload)
            return false;
        incoming.RemoveRange(0, bytes + payload);
        if (request.Command == NbdCommand.Disconnect)
            isShutDown = true;
        else if (style == NbdReplyStyle.Simple)
            AnswerSimply(request);
        else
            AnswerInChunks(request);
        return true;
    }

    private void AnswerSimply(NbdRequest request)
    {
        var hasFailed = random.Next(20) == 0;
        Say(w =>
        {
            var length = NbdReply.Simple(request.Cookie, hasFailed ? NbdError.NoSpace : NbdError.None).Write(w.Rest, style);
            if (request.Command == NbdCommand.Read && !hasFailed)
                length += Fill(w.Rest[length..], (long)request.Offset, (int)request.Length);
            return length;
        });
    }

    private void AnswerInChunks(NbdRequest request)
    {
        if (request.Command == NbdCommand.Read)
            AnswerRead(request);
        else if (request.Command == NbdCommand.BlockStatus)
            AnswerStatus(request);
        else
            Chunk(request, NbdReplyFlags.Done, NbdReplyType.None, []);
    }

    private void AnswerRead(NbdRequest request)
    {
        var parts = new List<(long Offset, int Length)>();
        for (var at = 0; at < (int)request.Length;)
        {
            var part = random.Next(1, (int)request.Length - at + 1);
            parts.Add(((long)request.Offset + at, part));
            at += part;
        }

        var shuffled = parts.ToArray();
        random.Shuffle(shuffled);
        foreach (var (offset, length) in shuffled)
        {
            var isHole = Enumerable.Range(0, length).All(i => ByteAt(offset + i) == 0);
            var data = new byte[sizeof(ulong) + (isHole ? sizeof(uint) : length)];
            BinaryPrimitives.WriteInt64BigEndian(data, offset);
            if (isHole)
                BinaryPrimitives.WriteInt32BigEndian(data.AsSpan(sizeof(ulong)), length);
            else
                Fill(data.AsSpan(sizeof(ulong)), offset, length);
            Chunk(request, NbdReplyFlags.None, isHole ? NbdReplyType.OffsetHole : NbdReplyType.OffsetData, data);
        }

        if (random.Next(20) == 0)
            Chunk(request, NbdReplyFlags.Done, NbdReplyType.Error, [0, 0, 0, 28, 0, 2, (byte)'n', (byte)'o']);
        else
            Chunk(request, NbdReplyFlags.Done, NbdReplyType.None, []);
    }

    private void AnswerStatus(NbdRequest request)
    {
        var isExtended = style == NbdReplyStyle.Extended;
        var data = new byte[isExtended ? 24 : 12];
        var writer = new WireWriter(data);
        writer.Write(5u);
        if (isExtended)
            writer.Write(1u);
        var flags = request.Offset % 65536 < 16384 ? NbdContexts.Hole | NbdContexts.Zero : 0;
        new NbdExtent(Math.Min(request.Length, 16384 - request.Offset % 16384), flags).Write(ref writer, isExtended);
        Chunk(request, NbdReplyFlags.Done, isExtended ? NbdReplyType.BlockStatusExtended : NbdReplyType.BlockStatus, data);
    }

    private static int Fill(Span<byte> target, long offset, int length)
    {
        for (var i = 0; i < length; i++)
            target[i] = ByteAt(offset + i);
        return length;
    }

    private void Reply(NbdOption option, NbdOptionReply reply, byte[] data) => Say(w =>
    {
        var length = new NbdOptionReplyHeader(option, reply, (uint)data.Length).Write(w.Rest);
        data.CopyTo(w.Rest[length..]);
        return length + data.Length;
    });

    private void Chunk(NbdRequest request, NbdReplyFlags flags, NbdReplyType type, byte[] data) => Say(w =>
    {
        var length = NbdReply.Chunk(flags, type, request.Cookie, request.Offset, (ulong)data.Length).Write(w.Rest, style);
        data.CopyTo(w.Rest[length..]);
        return length + data.Length;
    });

    private delegate int Message(WireWriter writer);

    private void Say(Message message)
    {
        var buffer = new byte[(256 << 10) + 64];
        var bytes = buffer[..message(new WireWriter(buffer))].ToList();
        while (bytes.Count > 0 && random.NextDouble() < mutationShare)
            Mutate(bytes);
        outgoing.AddRange(bytes);
    }

    private void Mutate(List<byte> bytes)
    {
        HasMutated = true;
        var at = random.Next(Math.Min(bytes.Count, 48));
        switch (random.Next(6))
        {
            case 0:
                bytes[at] ^= (byte)(1 << random.Next(8));
                break;
            case 1:
                var value = new byte[8];
                BinaryPrimitives.WriteUInt64BigEndian(value, Interesting[random.Next(Interesting.Length)]);
                var width = random.Next(3) switch { 0 => 2, 1 => 4, _ => 8 };
                for (var i = 0; i < width && at + i < bytes.Count; i++)
                    bytes[at + i] = value[8 - width + i];
                break;
            case 2:
                bytes.RemoveRange(at, Math.Min(bytes.Count - at, random.Next(1, 20)));
                break;
            case 3:
                bytes.InsertRange(at, Enumerable.Range(0, random.Next(1, 40)).Select(_ => (byte)random.Next(256)));
                break;
            case 4:
                bytes.RemoveRange(at, bytes.Count - at);
                break;
            default:
                if (bytes.Count < 100_000)
                    bytes.AddRange([.. bytes]);
                break;
        }
    }
}
