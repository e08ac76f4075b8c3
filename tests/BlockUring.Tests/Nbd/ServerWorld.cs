using System.Buffers.Binary;
using System.Text;
using BlockUring.Graph;
using BlockUring.Native.Memory;
using BlockUring.Nbd.Server;
using BlockUring.Nbd.Wire;
using BlockUring.Tests.Graph;
using BlockUring.Tests.Qmp;

namespace BlockUring.Tests.Nbd;

/// <summary>A server over a graph in memory, whose clients are byte sequences.</summary>
internal sealed class ServerWorld : IDisposable
{
    public const int Length = 1 << 20;

    public ServerWorld(NbdServerOptions? options = null, bool isWritable = true)
    {
        Graphs.MakeRaw("disk", Length);
        Node = Graphs.Add("{'driver':'raw','node-name':'disk','discard':'unmap','file':{'driver':'file','filename':'disk','discard':'unmap'}}");
        Server = new(Graphs.Graph, options ?? new());
        Export = Server.Add(new("e", "e", Node) { IsWritable = isWritable, Description = "words" });
    }

    public GraphWorld Graphs { get; } = new();

    public BlockNode Node { get; }

    public NbdServer Server { get; }

    public NbdExport Export { get; }

    public BufferPool Buffers => Graphs.Scheduler.Buffers;

    /// <summary>Lets everything happen that can.</summary>
    public void Run(TimeSpan time = default) => Graphs.Scheduler.Advance(time);

    /// <summary>Connects, and takes the greeting.</summary>
    public MemoryChannel Connect()
    {
        var channel = new MemoryChannel();
        Server.Serve(channel);
        Run();
        channel.Take();
        return channel;
    }

    /// <summary>Connects and goes into transmission.</summary>
    public MemoryChannel Enter(NbdReplyStyle style)
    {
        var channel = Connect();
        Send(channel, [.. ClientFlags, .. Option(StyleOption(style)), .. Option(NbdOption.Go, GoData("e"))]);
        return channel;
    }

    /// <summary>Hands bytes to the server and answers what it sends.</summary>
    public byte[] Send(MemoryChannel channel, byte[] bytes)
    {
        channel.Write(bytes);
        Run();
        return channel.Take();
    }

    public void Dispose() => Graphs.Dispose();

    public static byte[] ClientFlags { get; } = [0, 0, 0, 3];

    /// <summary>The option that leads to a style; for simple replies one that changes nothing.</summary>
    public static NbdOption StyleOption(NbdReplyStyle style) => style switch
    {
        NbdReplyStyle.Simple => NbdOption.List,
        NbdReplyStyle.Structured => NbdOption.StructuredReply,
        _ => NbdOption.ExtendedHeaders,
    };

    public static byte[] Option(NbdOption option, params byte[] data)
    {
        var bytes = new byte[NbdLimits.OptionBytes + data.Length];
        data.CopyTo(bytes, new NbdOptionHeader(option, (uint)data.Length).Write(bytes));
        return bytes;
    }

    public static byte[] GoData(string name) => [.. Text(name), 0, 1, 0, 3];

    public static byte[] ContextData(string name, params string[] queries) =>
        [.. Text(name), 0, 0, 0, (byte)queries.Length, .. queries.SelectMany(Text)];

    public static byte[] Request(bool isExtended, NbdCommandFlags flags, NbdCommand command, ulong cookie, ulong offset, ulong length, params byte[] payload)
    {
        var bytes = new byte[NbdRequest.Bytes(isExtended) + payload.Length];
        payload.CopyTo(bytes, new NbdRequest(flags, command, cookie, offset, length).Write(bytes, isExtended));
        return bytes;
    }

    private static byte[] Text(string text)
    {
        var bytes = new byte[sizeof(uint) + Encoding.UTF8.GetByteCount(text)];
        BinaryPrimitives.WriteInt32BigEndian(bytes, bytes.Length - sizeof(uint));
        Encoding.UTF8.GetBytes(text, bytes.AsSpan(sizeof(uint)));
        return bytes;
    }
}
