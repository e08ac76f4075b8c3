using System.Text;
using BlockUring.Images.Qcow2;
using BlockUring.Native.Codecs;
using BlockUring.Storage;
using CsCheck;
using Xunit;

namespace BlockUring.Tests.Images.Qcow2;

public sealed class Qcow2HeaderTests
{
    [Fact]
    public void What_is_serialized_parses_to_the_same_header()
    {
        var names = Gen.Char['a', 'z'].Array[1, 60].Select(c => new string(c));
        var gen =
            from version in Gen.Int[2, 3]
            from bits in Gen.Int[9, 21]
            from guest in Gen.Long[0, 1L << 36]
            from order in Gen.Int[0, 6]
            from incompatible in Gen.Int[0, 15]
            from lazy in Gen.Bool
            from backing in Gen.Null(names)
            from format in Gen.Null(Gen.Bool.Select(b => b ? "raw" : "qcow2"))
            from dataFile in Gen.Null(names)
            from bitmaps in Gen.Bool
            from fields in Gen.Byte.Array[0, 3]
            select Make(version, bits, guest, order, (IncompatibleFeatures)incompatible, lazy, backing, format, dataFile, bitmaps, fields);
        gen.Sample(
            header =>
            {
                var cluster = new byte[header.Geometry.ClusterLength];
                if (!Qcow2HeaderSerializer.TrySerialize(header, cluster))
                    return;
                var head = cluster.AsSpan(0, Math.Min(cluster.Length, 4096));
                var needed = Qcow2HeaderParser.NeededLength(head);
                Assert.InRange(needed, head.Length, cluster.Length);
                var parsed = Qcow2HeaderParser.Parse(cluster.AsSpan(0, needed));
                Assert.Equal(header.UnknownFields, parsed.UnknownFields);
                Assert.Equal(header.UnknownExtensions.Select(e => (e.Type, Convert.ToHexString(e.Data))),
                    parsed.UnknownExtensions.Select(e => (e.Type, Convert.ToHexString(e.Data))));
                Assert.Equal(
                    header with { UnknownFields = [], UnknownExtensions = [] }, parsed with { UnknownFields = [], UnknownExtensions = [] });
            },
            iter: 2000,
            seed: "0000KOIPe036");
    }

    [Theory]
    [InlineData(0, 0, "Image is not in qcow2 format")]
    [InlineData(4, 1, "Unsupported qcow2 version 1")]
    [InlineData(4, 4, "Unsupported qcow2 version 4")]
    [InlineData(20, 8, "Unsupported cluster size: 2^8")]
    [InlineData(20, 22, "Unsupported cluster size: 2^22")]
    [InlineData(100, 96, "qcow2 header too short")]
    [InlineData(100, 65544, "qcow2 header exceeds cluster size")]
    [InlineData(8, 1, "Invalid backing file offset")]
    [InlineData(96, 7, "Reference count entry width too large; may not exceed 64 bits")]
    [InlineData(56, 0, "Image does not contain a reference count table")]
    [InlineData(56, 129, "Reference count table too large")]
    [InlineData(52, 512, "Reference count table offset invalid")]
    [InlineData(60, 65537, "Snapshot table too large")]
    [InlineData(68, 8, "Snapshot table offset invalid")]
    [InlineData(36, 0, "L1 table is too small")]
    [InlineData(36, (32 << 20 >> 3) + 1, "Active L1 table too large")]
    [InlineData(44, 1, "Active L1 table offset invalid")]
    [InlineData(40, 0x7fffffff, "Active L1 table offset invalid")]
    [InlineData(24, 0x00100000, "L1 table is too small")]
    [InlineData(24, unchecked((int)0x80000000), "Image is too big")]
    [InlineData(112, unchecked((int)0xe2792aca), "ERROR: ext_backing_format: len=384 too large (>=16)")]
    [InlineData(116, 70000, "Header extension too large")]
    [InlineData(112, 0x0537be77, "CRYPTO header extension only expected with LUKS encryption method")]
    [InlineData(112, 0x23852875, "bitmaps_ext: Invalid extension length")]
    public void A_bad_field_is_refused_in_qemus_words(int at, int value, string message)
    {
        using var image = Qcow2TestImage.Create(1 << 30);
        image.Patch32(at, (uint)value);
        var error = Assert.Throws<BlockException>(() => image.Open());
        Assert.Equal(message, error.Message);
    }

    [Fact]
    public void An_unknown_incompatible_feature_is_refused_by_its_name()
    {
        using var image = Qcow2TestImage.Create(1 << 30);
        image.Patch64(72, 1ul << 40 | 1ul << 9);
        Assert.Equal("Unsupported qcow2 feature(s): Unknown incompatible feature: 10000000200", Assert.Throws<BlockException>(() => image.Open()).Message);

        // The first entry of the feature name table, which is the first extension.
        image.File.Write(120, [0, 9]);
        image.File.Write(122, Encoding.ASCII.GetBytes("quantum clusters\u001b\0"));
        var error = Assert.Throws<BlockException>(() => image.Open());
        Assert.Equal("Unsupported qcow2 feature(s): quantum clusters?, Unknown incompatible feature: 10000000000", error.Message);
        Assert.Equal(BlockErrorKind.Unsupported, error.Kind);
    }

    [Theory]
    [InlineData(1, "Parameter 'encrypt.key-secret' is required for cipher")]
    [InlineData(2, "Missing CRYPTO header for crypt method 2")]
    [InlineData(3, "Unsupported encryption method 3")]
    public void Encryption_needs_a_known_method_and_what_the_method_needs(uint method, string message)
    {
        using var image = Qcow2TestImage.Create(1 << 30);
        image.Patch32(32, method);
        Assert.Equal(message, Assert.Throws<BlockException>(() => image.Open()).Message);
    }

    [Theory]
    [InlineData(0, 8, "qcow2: Compression type incompatible feature bit must not be set")]
    [InlineData(1, 0, "qcow2: Compression type incompatible feature bit must be set")]
    [InlineData(2, 8, "qcow2: unknown compression type: 2")]
    public void The_compression_type_must_agree_with_its_feature_bit(byte type, ulong features, string message)
    {
        using var image = Qcow2TestImage.Create(1 << 30);
        image.File.Write(104, [type]);
        image.Patch64(72, features);
        Assert.Equal(message, Assert.Throws<BlockException>(() => image.Open()).Message);
    }

    [Fact]
    public void A_backing_name_of_more_than_1023_bytes_is_refused()
    {
        using var image = Qcow2TestImage.Create(1 << 30);
        image.Patch64(8, 1024);
        image.Patch32(16, 1024);
        Assert.Equal("Backing file name too long", Assert.Throws<BlockException>(() => image.Open()).Message);
        image.Patch32(16, 1023);
        Assert.Equal("", image.Open().BackingFileName);
        image.File.Write(1024, "base.img"u8);
        Assert.Equal("base.img", image.Open().BackingFileName);
    }

    [Fact]
    public void A_corrupt_image_opens_only_for_reading()
    {
        using var image = Qcow2TestImage.Create(1 << 30);
        image.Patch64(72, (ulong)IncompatibleFeatures.Corrupt);
        Assert.True(image.Open().Info.IsCorrupt);
        var error = Assert.Throws<BlockException>(() => image.Open(readOnly: false));
        Assert.Equal("qcow2: Image is corrupt; cannot be opened read/write", error.Message);
    }

    [Fact]
    public void Names_far_into_a_large_first_cluster_are_found()
    {
        using var image = Qcow2TestImage.Create(1 << 30, "cluster_size=2M");
        const int at = 1 << 20;
        image.File.Write(at, "far/away"u8);
        image.Patch64(8, at);
        image.Patch32(16, 8);
        image.Patch32(112, 0x12345678);
        image.Patch32(116, 100_000);
        image.Patch32(120 + 100_000, HeaderExtension.BackingFormat);
        image.Patch32(124 + 100_000, 3);
        image.File.Write(128 + 100_000, "raw"u8);
        var opened = image.Open();
        Assert.Equal(("far/away", "raw"), (opened.BackingFileName, opened.BackingFormat));
        Assert.Equal(100_000, Assert.Single(opened.Header.UnknownExtensions).Data.Length);
    }

    [Fact]
    public void Bitmaps_without_their_autoclear_bit_are_dropped_with_a_warning()
    {
        using var image = Qcow2TestImage.Create(1 << 30);
        image.Patch32(112, HeaderExtension.Bitmaps);
        image.Patch32(116, 24);
        image.Patch32(144, 0);
        Assert.Empty(image.Open().Info.Bitmaps);
        Assert.Contains("a program lacking bitmap support modified this file", Assert.Single(image.Warnings), StringComparison.Ordinal);
    }

    private static Qcow2Header Make(
        int version,
        int bits,
        long guest,
        int order,
        IncompatibleFeatures incompatible,
        bool lazy,
        string? backing,
        string? format,
        string? dataFile,
        bool bitmaps,
        byte[] fields)
    {
        var isNew = version == 3;
        if (!isNew)
            incompatible = 0;
        var hasDataFile = (incompatible & IncompatibleFeatures.DataFile) != 0;
        var geometry = new Qcow2Geometry(bits, false, isNew ? order : 4);
        return new Qcow2Header
        {
            Version = version,
            ClusterBits = bits,
            GuestLength = guest,
            L1Count = (int)Math.Min(geometry.L1CountFor(guest), Qcow2Limits.MaxL1Bytes / 8),
            L1Offset = 3L << bits,
            RefcountTableOffset = 1L << bits,
            RefcountTableClusters = 1,
            SnapshotCount = fields.Length,
            SnapshotTableOffset = (long)fields.Length << bits,
            Incompatible = incompatible,
            Compatible = isNew && lazy ? CompatibleFeatures.LazyRefcounts : 0,
            Autoclear = isNew && bitmaps ? AutoclearFeatures.Bitmaps : 0,
            RefcountOrder = isNew ? order : 4,
            Compression = (incompatible & IncompatibleFeatures.Compression) != 0 ? CompressionType.Zstd : CompressionType.Zlib,
            UnknownFields = isNew ? fields.SelectMany(f => Enumerable.Repeat(f, 8)).ToArray() : [],
            BackingFileName = backing,
            BackingFormat = format,
            DataFileName = hasDataFile ? dataFile : null,
            Bitmaps = isNew && bitmaps ? new BitmapsExtension(3, 96, 7L << bits) : null,
            UnknownExtensions = fields.Length > 1 ? [new HeaderExtension(0x77000000u + fields[0], fields)] : [],
        };
    }
}
