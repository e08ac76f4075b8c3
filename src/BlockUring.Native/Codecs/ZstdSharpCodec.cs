using ZstdSharp.Unsafe;

namespace BlockUring.Native.Codecs;

/// <summary>Zstandard by the managed port of libzstd.</summary>
internal sealed unsafe class ZstdSharpCodec : ZstdCodec
{
    private readonly ZSTD_CCtx_s* compressor;
    private readonly ZSTD_DCtx_s* decompressor;

    internal ZstdSharpCodec(int level) : base(level)
    {
        compressor = Methods.ZSTD_createCCtx();
        decompressor = Methods.ZSTD_createDCtx();
        if (compressor == null || decompressor == null)
        {
            Free();
            throw new InsufficientMemoryException($"{Library}: out of memory");
        }
    }

    public override string Library => "ZstdSharp";

    private protected override nuint CompressFrame(byte* destination, nuint capacity, byte* source, nuint length) =>
        Methods.ZSTD_compressCCtx(compressor, destination, capacity, source, length, Level);

    private protected override nuint DecompressFrame(byte* destination, nuint capacity, byte* source, nuint length) =>
        Methods.ZSTD_decompressDCtx(decompressor, destination, capacity, source, length);

    private protected override nuint FrameLength(byte* source, nuint length) =>
        Methods.ZSTD_findFrameCompressedSize(source, length);

    private protected override void Free()
    {
        // Both take null.
        _ = Methods.ZSTD_freeCCtx(compressor);
        _ = Methods.ZSTD_freeDCtx(decompressor);
    }
}
