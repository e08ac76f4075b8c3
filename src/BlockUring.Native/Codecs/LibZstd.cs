using System.Runtime.InteropServices;

namespace BlockUring.Native.Codecs;

/// <summary>The system's libzstd, loaded at first use. The functions are those of zstd.h, of its stable interface.</summary>
internal static unsafe class LibZstd
{
    public static readonly delegate* unmanaged<nint> CreateCompressor;
    public static readonly delegate* unmanaged<nint, nuint> FreeCompressor;
    public static readonly delegate* unmanaged<nint, byte*, nuint, byte*, nuint, int, nuint> Compress;
    public static readonly delegate* unmanaged<nint> CreateDecompressor;
    public static readonly delegate* unmanaged<nint, nuint> FreeDecompressor;
    public static readonly delegate* unmanaged<nint, byte*, nuint, byte*, nuint, nuint> Decompress;
    public static readonly delegate* unmanaged<byte*, nuint, nuint> FindFrameCompressedSize;

    private const string SharedObject = "libzstd.so.1";

    // 1.4.0 made ZSTD_findFrameCompressedSize part of the stable interface.
    private const uint OldestVersion = 10400;

    static LibZstd()
    {
        if (!NativeLibrary.TryLoad(SharedObject, out nint library)
            || !NativeLibrary.TryGetExport(library, "ZSTD_versionNumber", out nint versionNumber)
            || !NativeLibrary.TryGetExport(library, "ZSTD_createCCtx", out nint createCompressor)
            || !NativeLibrary.TryGetExport(library, "ZSTD_freeCCtx", out nint freeCompressor)
            || !NativeLibrary.TryGetExport(library, "ZSTD_compressCCtx", out nint compress)
            || !NativeLibrary.TryGetExport(library, "ZSTD_createDCtx", out nint createDecompressor)
            || !NativeLibrary.TryGetExport(library, "ZSTD_freeDCtx", out nint freeDecompressor)
            || !NativeLibrary.TryGetExport(library, "ZSTD_decompressDCtx", out nint decompress)
            || !NativeLibrary.TryGetExport(library, "ZSTD_findFrameCompressedSize", out nint findFrameCompressedSize))
        {
            return;
        }

        uint version = ((delegate* unmanaged<uint>)versionNumber)();
        if (version < OldestVersion)
            return;

        CreateCompressor = (delegate* unmanaged<nint>)createCompressor;
        FreeCompressor = (delegate* unmanaged<nint, nuint>)freeCompressor;
        Compress = (delegate* unmanaged<nint, byte*, nuint, byte*, nuint, int, nuint>)compress;
        CreateDecompressor = (delegate* unmanaged<nint>)createDecompressor;
        FreeDecompressor = (delegate* unmanaged<nint, nuint>)freeDecompressor;
        Decompress = (delegate* unmanaged<nint, byte*, nuint, byte*, nuint, nuint>)decompress;
        FindFrameCompressedSize = (delegate* unmanaged<byte*, nuint, nuint>)findFrameCompressedSize;
        Version = $"{version / 10000}.{version / 100 % 100}.{version % 100}";
    }

    /// <summary>Its version, such as "1.5.4"; null when this host has none that is new enough.</summary>
    public static string? Version { get; }

    /// <summary>Whether the functions may be called.</summary>
    public static bool IsAvailable => Version is not null;
}
