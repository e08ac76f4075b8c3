using System.Runtime.InteropServices;

namespace BlockUring.Native.Codecs;

/// <summary>The stream of .NET's zlib shim: PAL_ZStream in the runtime's pal_zlib.h. The shim's own state hangs off it.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct ZlibStream
{
    /// <summary>The next byte to read.</summary>
    public byte* NextIn;

    /// <summary>The next byte to write.</summary>
    public byte* NextOut;

    /// <summary>A message on failure, owned by the library.</summary>
    public byte* Message;

    /// <summary>The z_stream behind it; null before the start and after the end.</summary>
    public void* State;

    /// <summary>Bytes left to read.</summary>
    public uint AvailableIn;

    /// <summary>Bytes left to write.</summary>
    public uint AvailableOut;
}
