namespace BlockUring.Native.Codecs;

/// <summary>Zstandard by the system's libzstd; only where <see cref="LibZstd.IsAvailable"/>.</summary>
internal sealed unsafe class LibZstdCodec : ZstdCodec
{
    private readonly nint compressor;
    private readonly nint decompressor;

    internal LibZstdCodec(int level) : base(level)
    {
        if (!LibZstd.IsAvailable)
            throw new PlatformNotSupportedException("This host has no libzstd.");
        compressor = LibZstd.CreateCompressor();
        decompressor = LibZstd.CreateDecompressor();
        if (compressor == 0 || decompressor == 0)
        {
            Free();
            throw new InsufficientMemoryException($"{Library}: out of memory");
        }
    }

    public override string Library => $"libzstd {LibZstd.Version}";

    private protected override nuint CompressFrame(byte* destination, nuint capacity, byte* source, nuint length) =>
        LibZstd.Compress(compressor, destination, capacity, source, length, Level);

    private protected override nuint DecompressFrame(byte* destination, nuint capacity, byte* source, nuint length) =>
        LibZstd.Decompress(decompressor, destination, capacity, source, length);

    private protected override nuint FrameLength(byte* source, nuint length) =>
        LibZstd.FindFrameCompressedSize(source, length);

    private protected override void Free()
    {
        // Both take null.
        _ = LibZstd.FreeCompressor(compressor);
        _ = LibZstd.FreeDecompressor(decompressor);
    }
}
