using BlockUring.Images;
using BlockUring.Images.Qcow2;
using BlockUring.Native.Codecs;
using BlockUring.Storage;
using CsCheck;
using Xunit;

namespace BlockUring.Tests.Images.Qcow2;

public sealed class Qcow2MappingTests
{
    [Fact]
    public void Contiguous_clusters_are_one_run_across_tables()
    {
        // 512-byte clusters: 64 clusters to a table.
        using var image = Qcow2TestImage.Create(1 << 20, "cluster_size=512");
        const long host = 1 << 21;
        for (var i = 10; i < 700; i++)
            image.SetEntry(i, L2Entry.ForData(host + (i * 512), false));
        using var opened = new Opened(image);

        Assert.Equal((MappingKind.Unallocated, 10 * 512L), opened.Map(0));
        var run = opened.MapWhole(10 * 512);
        Assert.Equal((MappingKind.Data, 690 * 512L, host + 5120), (run.Kind, run.Length, run.HostOffset));
        var inside = opened.MapWhole((300 * 512) + 100);
        Assert.Equal((host + (300 * 512) + 100, (400 * 512L) - 100), (inside.HostOffset, inside.Length));
        Assert.Equal((MappingKind.Unallocated, (1L << 20) - (700 * 512)), opened.Map(700 * 512));
        Assert.Equal(700, Qcow2TestImage.Run(opened.Image.MapAsync(5120, 700)).Length);
    }

    [Fact]
    public void Runs_of_every_kind_are_those_of_the_entries_one_by_one()
    {
        var gen =
            from subclusters in Gen.Bool
            from entries in Gen.Select(Gen.Int[0, 5], Gen.Int[1, 9], Gen.UInt, Gen.UInt).Array[1, 40]
            from start in Gen.Int[0, 1 << 21]
            select (subclusters, entries, start);
        gen.Sample(
            t =>
            {
                var options = t.subclusters ? "cluster_size=16k,extended_l2=on" : "cluster_size=512";
                using var image = Qcow2TestImage.Create(4 << 20, options);
                long cluster = image.Geometry.ClusterLength;
                var index = 0;
                long host = 1 << 24;
                foreach (var (kind, count, allocated, zero) in t.entries)
                {
                    for (var i = 0; i < count && index * cluster < 4 << 20; i++, index++)
                        image.SetEntry(index, EntryOf(kind, host += cluster, allocated, zero, t.subclusters));
                    host += kind > 3 ? cluster : 0;
                }

                using var opened = new Opened(image);
                for (long offset = t.start; offset < opened.Image.Length;)
                {
                    var mapping = opened.MapWhole(offset);
                    AssertRun(image, opened.Image, offset, mapping);
                    offset += mapping.Length;
                }
            },
            iter: 60,
            seed: "0000KOIPe036");
    }

    [Fact]
    public async Task A_cached_mapping_completes_at_once_and_allocates_nothing()
    {
        using var image = Qcow2TestImage.Create(1L << 30);
        for (var i = 0; i < 100; i++)
            image.SetEntry(i, L2Entry.ForData((1 << 24) + ((i ^ 1) << 16), false));
        using var opened = new Opened(image);
        opened.Map(0);
        var before = GC.GetAllocatedBytesForCurrentThread();
        long sum = 0;
        var late = 0;
        for (var i = 0; i < 1000; i++)
        {
            var pending = opened.Image.MapAsync((i % 120) << 16, 1 << 20);
            late += pending.IsCompletedSuccessfully ? 0 : 1;
            sum += (await pending).Length;
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        Assert.Equal(0, late);
        Assert.NotEqual(0, sum);
    }

    [Fact]
    public async Task Concurrent_callers_share_the_read_of_a_table()
    {
        using var image = Qcow2TestImage.Create(1L << 30);
        image.SetEntry(3, L2Entry.ForData(1 << 24, false));
        var file = new GatedFile(image.File);
        await using var opened = await image.OpenAsync(file: file);
        file.Reads.Clear();
        file.IsClosed = true;
        var callers = Enumerable.Range(0, 8).Select(i => opened.MapAsync(i << 16, 1 << 16).AsTask()).ToList();
        file.Release();
        var mappings = await Task.WhenAll(callers);
        Assert.Single(file.Reads);
        Assert.Equal(MappingKind.Data, mappings[3].Kind);
        Assert.All(mappings.Where((_, i) => i != 3), m => Assert.Equal(MappingKind.Unallocated, m.Kind));
    }

    [Fact]
    public void A_request_over_an_enormous_empty_disk_is_one_run()
    {
        using var image = Qcow2TestImage.Create(1L << 50);
        using var opened = new Opened(image);
        Assert.Equal((MappingKind.Unallocated, 1L << 50), opened.Map(0));
        image.SetEntry(1L << 33, L2Entry.ForZeroes(0, false));
        using var again = new Opened(image);
        Assert.Equal((MappingKind.Unallocated, 1L << 49), again.Map(0));
        Assert.Equal((MappingKind.Zero, 1L << 16), again.Map(1L << 49));
    }

    [Theory]
    [InlineData(0x12345600ul, 0ul, "L2 table offset 0x12345600 unaligned (L1 index: 0x0)")]
    [InlineData(0x7fff0000ul, 0ul, "L2 table offset 0x7fff0000 is beyond the end of the file (L1 index: 0x0)")]
    [InlineData(0ul, 0x1234200ul, "Cluster allocation offset 0x1234200 unaligned (L2 offset: 0x40000, L2 index: 0x2)")]
    public void A_corrupt_entry_is_an_error_with_its_place(ulong l1Entry, ulong l2Entry, string what)
    {
        using var image = Qcow2TestImage.Create(1 << 30);
        image.SetEntry(2, new L2Entry(l2Entry));
        if (l1Entry != 0)
            image.Patch64(image.Header.L1Offset, l1Entry);
        using var opened = new Opened(image);
        var error = Assert.Throws<BlockException>(() => opened.MapWhole(2 << 16));
        Assert.Equal(BlockErrorKind.Corrupt, error.Kind);
        Assert.Equal(2 << 16, error.Offset);
        Assert.Equal($"Image '{Qcow2TestImage.Path}' is corrupt: {what}", error.Message);
    }

    [Theory]
    [InlineData("compat=0.10", 1ul, 0ul, "Zero cluster entry found in pre-v3 image")]
    [InlineData("data_file=/images/data", L2Entry.CompressedFlag, 0ul, "Compressed cluster entry found in image with external data file")]
    [InlineData("data_file=/images/data", 0x10000ul, 0ul, "External data file host cluster offset 0x10000 does not match guest cluster offset: 0x20000")]
    [InlineData("extended_l2=on", 0x100000ul, 0x100000001ul, "Invalid cluster entry found")]
    [InlineData("extended_l2=on", 0ul, 0x1ul, "Invalid cluster entry found")]
    public void What_the_header_rules_out_is_corrupt(string options, ulong descriptor, ulong bitmap, string what)
    {
        using var image = Qcow2TestImage.Create(1 << 30, options);
        image.SetEntry(2, new L2Entry(descriptor, bitmap));
        using var opened = new Opened(image);
        Assert.Contains(what, Assert.Throws<BlockException>(() => opened.MapWhole(2 << 16)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(9, "zlib")]
    [InlineData(16, "zlib")]
    [InlineData(16, "zstd")]
    [InlineData(21, "zstd")]
    public async Task Compressed_clusters_read_whole_and_in_parts(int clusterBits, string type)
    {
        using var image = Qcow2TestImage.Create(4 << 21, $"cluster_size={1 << clusterBits},compression_type={type}");
        var length = 1 << clusterBits;
        var content = new byte[3][];
        using var codec = ClusterCodec.Create(type == "zstd" ? CompressionType.Zstd : CompressionType.Zlib);
        var at = image.Geometry.RoundUpToCluster(image.File.Length) + (4L << 20) + 77;
        for (var i = 0; i < 3; i++)
        {
            content[i] = Enumerable.Range(0, length).Select(n => (byte)((n >> 5) * (i + 3))).ToArray();
            var packed = new byte[length];
            var count = codec.Compress(content[i], packed);
            Assert.InRange(count, 1, length - 1);
            image.File.Write(at, packed.AsSpan(0, count));
            image.SetEntry(i, new L2Entry(CompressedDescriptor.Encode(at, count, clusterBits)));
            at += count;
        }

        await using var opened = await image.OpenAsync();
        using var buffer = image.Buffers.Rent(length);
        var random = new Random(5);
        for (var i = 0; i < 60; i++)
        {
            var index = random.Next(3);
            var start = i % 3 == 0 ? 0 : random.Next(length);
            var count = i % 3 == 0 ? length : random.Next(1, length - start + 1);
            var guest = ((long)index << clusterBits) + start;
            var mapping = await opened.MapAsync(guest, count);
            Assert.Equal((MappingKind.Compressed, count), (mapping.Kind, (int)mapping.Length));
            await opened.ReadCompressedAsync(mapping, guest, buffer.Memory.Slice(0, count));
            Assert.True(buffer.Span[..count].SequenceEqual(content[index].AsSpan(start, count)));
        }

        Assert.Equal(length, (await opened.MapAsync(0, 3 * length)).Length);
    }

    [Fact]
    public async Task Small_reads_of_one_compressed_cluster_unpack_it_once()
    {
        using var image = Qcow2TestImage.Create(1 << 20);
        using var codec = ClusterCodec.Create(CompressionType.Zlib);
        var packed = new byte[1 << 16];
        var at = image.Append(packed.AsSpan(0, codec.Compress(new byte[1 << 16], packed)));
        image.SetEntry(0, new L2Entry(CompressedDescriptor.Encode(at, 200, 16)));
        var file = new GatedFile(image.File);
        await using var opened = await image.OpenAsync(file: file);
        using var buffer = image.Buffers.Rent(512);
        var mapping = await opened.MapAsync(0, 1 << 16);
        file.Reads.Clear();
        for (var i = 0; i < 128; i++)
            await opened.ReadCompressedAsync(mapping, i * 512, buffer.Memory);
        Assert.Single(file.Reads);
    }

    [Fact]
    public async Task A_damaged_compressed_cluster_is_corrupt()
    {
        using var image = Qcow2TestImage.Create(1 << 20);
        var at = image.Append([1, 2, 3, 4, 5, 6, 7, 8]);
        image.SetEntry(0, new L2Entry(CompressedDescriptor.Encode(at, 8, 16)));
        image.SetEntry(1, new L2Entry(L2Entry.CompressedFlag | 0xffffffffff));
        await using var opened = await image.OpenAsync();
        using var buffer = image.Buffers.Rent(1 << 16);
        foreach (var offset in new[] { 0, 1 << 16 })
        {
            var mapping = await opened.MapAsync(offset, 1 << 16);
            var error = await Assert.ThrowsAsync<BlockException>(async () => await opened.ReadCompressedAsync(mapping, offset, buffer.Memory));
            Assert.Equal((BlockErrorKind.Corrupt, offset), (error.Kind, error.Offset));
        }
    }

    [Fact]
    public void The_external_data_file_is_found_by_the_header_or_the_option()
    {
        using var image = Qcow2TestImage.Create(1 << 20, "data_file=/images/data");
        image.SetEntry(2, L2Entry.ForData(2 << 16, false));
        using (var opened = new Opened(image))
        {
            var mapping = opened.MapWhole(2 << 16);
            Assert.Equal(("/images/data", 2L << 16), (mapping.File!.Path, mapping.HostOffset));
        }

        image.Host.Add(new MemoryFile(image.Buffers, "/other/data", 1 << 20));
        using (var opened = new Opened(image, "data-file.filename=/other/data"))
            Assert.Equal("/other/data", opened.MapWhole(2 << 16).File!.Path);

        using var plain = Qcow2TestImage.Create(1 << 20);
        Assert.Equal(
            "'data-file' can only be set for images with an external data file",
            Assert.Throws<BlockException>(() => plain.Open("data-file.filename=/x")).Message);
    }

    [Fact]
    public void A_policy_that_forbids_the_data_file_is_obeyed()
    {
        using var image = Qcow2TestImage.Create(1 << 20, "data_file=/images/data");
        var context = new OpenContext(
            image.Host, image.File, new FileOpenOptions(), new OptionTree(), OpenGate.DenyAll, _ => { });
        var error = Assert.Throws<BlockException>(() => Qcow2TestImage.Run(Qcow2Opener.OpenAsync(context)));
        Assert.Equal(BlockErrorKind.Access, error.Kind);
        Qcow2TestImage.Run(Qcow2Opener.OpenAsync(context with { MetadataOnly = true }));
    }

    private static L2Entry EntryOf(int kind, long host, uint allocated, uint zero, bool subclusters) => kind switch
    {
        0 => default,
        1 => L2Entry.ForZeroes(0, subclusters),
        2 => L2Entry.ForZeroes(host, subclusters),
        3 when subclusters => new L2Entry((ulong)host | L2Entry.CopiedFlag, ((ulong)(zero & ~allocated) << 32) | allocated),
        5 => new L2Entry(L2Entry.CompressedFlag | (ulong)host),
        _ => L2Entry.ForData(host, subclusters),
    };

    // Every subcluster of a run has the run's kind and its place, and the run could not be longer.
    private static void AssertRun(Qcow2TestImage image, Qcow2Image opened, long start, Mapping run)
    {
        var unit = opened.AllocationGranularity;
        for (var offset = start; offset < start + run.Length;)
        {
            var one = Naive(image, offset);
            Assert.Equal(run.Kind, one.Kind);
            if (run.Kind != MappingKind.Compressed)
                Assert.Equal(run.HostOffset < 0 ? -1 : run.HostOffset + (offset - start), one.HostOffset);
            offset = (offset & -unit) + unit;
        }

        var end = start + run.Length;
        if (end >= opened.Length || run.Kind == MappingKind.Compressed)
            return;
        var next = Naive(image, end);
        Assert.False(next.Kind == run.Kind && next.HostOffset == (run.HostOffset < 0 ? -1 : run.HostOffset + run.Length), "the run could be longer");
    }

    private static Mapping Naive(Qcow2TestImage image, long offset)
    {
        var geometry = image.Geometry;
        var l2 = (long)(image.Read64(image.Header.L1Offset + (geometry.L1Index(offset) * 8)) & L1Table.OffsetMask);
        if (l2 == 0)
            return new(MappingKind.Unallocated, 1);
        var at = l2 + (geometry.L2Index(offset) * geometry.L2EntryLength);
        var entry = image.Read64(at);
        var bitmap = geometry.HasSubclusters ? image.Read64(at + 8) : 0;
        var host = (long)(entry & L2Entry.OffsetMask);
        var hostOffset = host == 0 ? -1 : host + geometry.OffsetInCluster(offset);
        if ((entry & L2Entry.CompressedFlag) != 0)
            return new(MappingKind.Compressed, 1, null, (long)entry);
        var subcluster = geometry.SubclusterIndex(offset);
        var isZero = geometry.HasSubclusters ? (bitmap >> (32 + subcluster) & 1) != 0 : (entry & 1) != 0;
        var isData = geometry.HasSubclusters ? (bitmap >> subcluster & 1) != 0 : host != 0;
        return new(isZero ? MappingKind.Zero : isData ? MappingKind.Data : MappingKind.Unallocated, 1, null, hostOffset);
    }

    private sealed class Opened(Qcow2TestImage image, string options = "") : IDisposable
    {
        public Qcow2Image Image { get; } = image.Open(options);

        public Mapping MapWhole(long offset) => Qcow2TestImage.Run(Image.MapAsync(offset, Image.Length - offset));

        public (MappingKind Kind, long Length) Map(long offset)
        {
            var mapping = MapWhole(offset);
            return (mapping.Kind, mapping.Length);
        }

        public void Dispose() => Qcow2TestImage.Run(Image.DisposeAsync());
    }
}
