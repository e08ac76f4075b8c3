using System.Buffers.Binary;
using BlockUring.Images;
using BlockUring.Images.Qcow2;
using BlockUring.Native.Memory;
using BlockUring.Storage;

namespace BlockUring.Tests.Images.Qcow2;

/// <summary>A qcow2 image in memory, made by our own driver and then patched by hand.</summary>
internal sealed class Qcow2TestImage : IDisposable
{
    public const string Path = "/images/test.qcow2";

    private Qcow2TestImage(BufferPool buffers, MemoryFileHost host, MemoryFile file, Qcow2Header header)
    {
        Buffers = buffers;
        Host = host;
        File = file;
        Header = header;
        Geometry = header.Geometry;
    }

    public BufferPool Buffers { get; }

    public MemoryFileHost Host { get; }

    public MemoryFile File { get; }

    public Qcow2Header Header { get; }

    public Qcow2Geometry Geometry { get; }

    public List<string> Warnings { get; } = [];

    public static Qcow2TestImage Create(long length, string options = "")
    {
        var buffers = new BufferPool();
        var host = new MemoryFileHost(buffers);
        var request = new CreateRequest(Path, length, OptionTree.ParseKeyValues(options).Values);
        Run(new Qcow2Driver().CreateAsync(host, request));
        var file = (MemoryFile)Run(host.OpenAsync(Path, new FileOpenOptions()));
        return new(buffers, host, file, Run(Qcow2Opener.ReadHeaderAsync(file)));
    }

    /// <summary>All I/O in memory completes at once.</summary>
    public static T Run<T>(ValueTask<T> task) => task.IsCompleted ? task.GetAwaiter().GetResult() : task.AsTask().GetAwaiter().GetResult();

    public static void Run(ValueTask task)
    {
        if (task.IsCompleted)
            task.GetAwaiter().GetResult();
        else
            task.AsTask().GetAwaiter().GetResult();
    }

    public Qcow2Image Open(string options = "", BlockFile? file = null, bool readOnly = true) => Run(OpenAsync(options, file, readOnly));

    public async ValueTask<Qcow2Image> OpenAsync(string options = "", BlockFile? file = null, bool readOnly = true) =>
        await Qcow2Opener.OpenAsync(new OpenContext(
            Host, file ?? File, new FileOpenOptions(readOnly), OptionTree.ParseKeyValues(options), OpenGate.AllowAll, Warnings.Add));

    public void Patch32(long offset, uint value)
    {
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, value);
        File.Write(offset, bytes);
    }

    public void Patch64(long offset, ulong value)
    {
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64BigEndian(bytes, value);
        File.Write(offset, bytes);
    }

    public ulong Read64(long offset)
    {
        Span<byte> bytes = stackalloc byte[8];
        File.Read(offset, bytes);
        return BinaryPrimitives.ReadUInt64BigEndian(bytes);
    }

    /// <summary>Host offset of the L2 table at an L1 index; a new one at the end of the file when there is none.</summary>
    public long L2Table(long l1Index)
    {
        var at = Header.L1Offset + (l1Index * 8);
        if (Read64(at) == 0)
            Patch64(at, (ulong)Append(new byte[Geometry.ClusterLength]) | L1Table.CopiedFlag);
        return (long)(Read64(at) & L1Table.OffsetMask);
    }

    /// <summary>Sets the L2 entry of the cluster with that index.</summary>
    public void SetEntry(long clusterIndex, L2Entry entry)
    {
        var guestOffset = clusterIndex << Geometry.ClusterBits;
        var at = L2Table(Geometry.L1Index(guestOffset)) + (Geometry.L2Index(guestOffset) * Geometry.L2EntryLength);
        Patch64(at, entry.Descriptor);
        if (Geometry.HasSubclusters)
            Patch64(at + 8, entry.Bitmap);
    }

    /// <summary>Puts bytes at the next free cluster of the file.</summary>
    public long Append(ReadOnlySpan<byte> bytes)
    {
        var offset = Geometry.RoundUpToCluster(File.Length);
        File.Write(offset, bytes);
        return offset;
    }

    public void Dispose() => Buffers.Dispose();
}
