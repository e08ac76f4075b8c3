using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using BlockUring.Images.Encryption;
using BlockUring.Native.Interop;
using BlockUring.Storage;

namespace BlockUring.Images.Qcow2;

/// <summary>Makes an empty image: the metadata in one sequential pass with a fixed buffer, the header last.</summary>
internal sealed class Qcow2Creator
{
    private readonly FileHost host;
    private readonly CreateRequest request;
    private readonly Qcow2CreateOptions options;
    private readonly Qcow2Geometry geometry;
    private readonly long guestLength;

    public Qcow2Creator(FileHost host, CreateRequest request, Qcow2CreateOptions options)
    {
        this.host = host;
        this.request = request;
        this.options = options;
        geometry = options.Geometry;
        guestLength = checked(request.Length + 511) & ~511L;
    }

    // The tables are this format's own; the file below is only made long enough for what they point to.
    private PreallocationMode LengthMode => options.Preallocation == PreallocationMode.Metadata ? PreallocationMode.Off : options.Preallocation;

    private bool PreallocatesTables => options.Preallocation != PreallocationMode.Off;

    /// <summary>Makes the file, and the external data file if there is to be one.</summary>
    public async ValueTask RunAsync()
    {
        DemandBackingNameFits();
        var password = options.Encryption?.Password(request, Qcow2CreateOptions.EncryptPrefix);
        var layout = Qcow2Layout.For(
            geometry, guestLength, PreallocatesTables, PreallocatesTables && options.DataFile == null, options.Encryption?.PayloadOffset ?? 0);
        using var cluster = host.Buffers.Rent(geometry.ClusterLength);
        if (!Qcow2HeaderSerializer.TrySerialize(HeaderFor(layout), cluster.Span))
            throw CannotAssignBacking(Errno.ENOSPC);

        await using var file = await host.CreateAsync(request.Path, 0, PreallocationMode.Off, request.File);
        await file.SetLengthAsync(layout.DataOffset);
        if (options.DataFile != null)
            await CreateDataFileAsync();
        using (var writer = new SequentialWriter(file, geometry.ClusterLength))
            await WriteTablesAsync(writer, layout);
        if (layout.DataClusters > 0)
            await file.SetLengthAsync(layout.FileLength, LengthMode);
        if (options.Encryption != null)
            await WriteKeysAsync(file, layout, options.Encryption, password!);

        // Why: until the header is there the file is no qcow2 image, so an interrupted creation cannot be mistaken for one.
        await file.WriteAsync(0, cluster.Memory);
        await file.FlushAsync();
    }

    private Qcow2Header HeaderFor(Qcow2Layout layout) => new()
    {
        Version = options.Version,
        ClusterBits = options.ClusterBits,
        GuestLength = guestLength,
        L1Count = (int)layout.L1Count,
        L1Offset = layout.L1Offset,
        RefcountTableOffset = layout.RefcountTableOffset,
        RefcountTableClusters = (int)layout.RefcountTableClusters,
        Incompatible = (options.DataFile != null ? IncompatibleFeatures.DataFile : 0)
            | (options.Compression != 0 ? IncompatibleFeatures.Compression : 0)
            | (options.ExtendedL2 ? IncompatibleFeatures.ExtendedL2 : 0),
        Compatible = options.LazyRefcounts ? CompatibleFeatures.LazyRefcounts : 0,
        Autoclear = options.DataFileRaw ? AutoclearFeatures.RawDataFile : 0,
        RefcountOrder = options.RefcountOrder,
        Compression = options.Compression,
        BackingFileName = options.BackingFile,
        BackingFormat = options.BackingFormat,
        DataFileName = options.DataFile,
        EncryptionMethod = options.EncryptionMethod,
        Encryption = options.Encryption == null ? null : new EncryptionExtension(layout.KeyOffset, options.Encryption.PayloadOffset),
    };

    private static async ValueTask WriteKeysAsync(BlockFile file, Qcow2Layout layout, LuksCreateOptions luks, byte[] password)
    {
        var (header, material) = await LuksVolume.MakeAsync(luks, password);
        await file.WriteZeroesAsync(layout.KeyOffset, layout.DataOffset - layout.KeyOffset, mayUnmap: true);
        await LuksVolume.WriteNewAsync(file, layout.KeyOffset, header, material);
    }

    private async ValueTask CreateDataFileAsync()
    {
        await using var data = await host.CreateAsync(options.DataFile!, 0, PreallocationMode.Off, request.File);
        // Why: preallocated clusters are whole, so the last one is in the file too.
        var length = PreallocatesTables ? geometry.RoundUpToCluster(guestLength) : guestLength;
        await data.SetLengthAsync(length, LengthMode);
        await data.FlushAsync();
    }

    private async ValueTask WriteTablesAsync(SequentialWriter writer, Qcow2Layout layout)
    {
        await WriteEntriesAsync(writer, layout.RefcountBlockCount, 1, layout.RefcountBlocksOffset, geometry.ClusterLength);
        await writer.PadToClusterAsync();
        await WriteRefcountsAsync(writer, layout);
        if (layout.L2TableCount == 0)
        {
            await writer.ZeroAsync(layout.L1Clusters << geometry.ClusterBits);
        }
        else
        {
            await WriteEntriesAsync(writer, layout.L1Count, 1, layout.L2Offset | CopiedBit, geometry.ClusterLength);
            await writer.PadToClusterAsync();
            var firstCluster = options.DataFile == null ? layout.DataOffset : 0;
            await WriteEntriesAsync(
                writer, geometry.ClustersFor(guestLength), geometry.L2EntryLength / 8, firstCluster | CopiedBit, geometry.ClusterLength);
            await writer.PadToClusterAsync();
        }

        await writer.FlushAsync();
    }

    private static long CopiedBit => unchecked((long)L2Entry.CopiedFlag);

    // Entries of one or two words, the first word counting up, the second zero.
    private static async ValueTask WriteEntriesAsync(SequentialWriter writer, long count, int wordsPerEntry, long first, long step)
    {
        for (long done = 0; done < count;)
        {
            var free = await writer.ReserveAsync(wordsPerEntry * 8);
            var part = (int)Math.Min(count - done, free.Length / (wordsPerEntry * 8));
            var words = MemoryMarshal.Cast<byte, long>(free.Span)[..(part * wordsPerEntry)];
            words.Clear();
            for (var i = 0; i < part; i++)
                words[i * wordsPerEntry] = BigEndian(first + ((done + i) * step));
            writer.Commit(part * wordsPerEntry * 8);
            done += part;
        }
    }

    private async ValueTask WriteRefcountsAsync(SequentialWriter writer, Qcow2Layout layout)
    {
        var bytesLeft = layout.RefcountBlockCount << geometry.ClusterBits;
        var onesLeft = layout.ClusterCount;
        while (bytesLeft > 0)
        {
            var free = await writer.ReserveAsync(8);
            var part = (int)Math.Min(bytesLeft, free.Length & ~7);
            RefcountEntries.FillOnes(free.Span[..part], geometry.RefcountOrder, onesLeft);
            writer.Commit(part);
            onesLeft = Math.Max(0, onesLeft - (((long)part * 8) >> geometry.RefcountOrder));
            bytesLeft -= part;
        }
    }

    private static long BigEndian(long value) => BitConverter.IsLittleEndian ? BinaryPrimitives.ReverseEndianness(value) : value;

    private void DemandBackingNameFits()
    {
        if (options.BackingFile != null && Encoding.UTF8.GetByteCount(options.BackingFile) > Qcow2Limits.MaxBackingNameBytes)
            throw CannotAssignBacking(Errno.EINVAL);
    }

    private BlockException CannotAssignBacking(int errno) => options.BackingFile == null
        ? new(BlockErrorKind.NoSpace, $"Could not update qcow2 header: {Errno.Message(errno)}", errno)
        : new(
            BlockException.KindOf(errno),
            $"Could not assign backing file '{options.BackingFile}' with format '{options.BackingFormat ?? "(null)"}': {Errno.Message(errno)}",
            errno);
}
