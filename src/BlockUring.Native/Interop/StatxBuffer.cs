using System.Runtime.InteropServices;

namespace BlockUring.Native.Interop;

/// <summary>struct statx of linux/stat.h, the fields this engine reads. 256 bytes on every architecture.</summary>
[StructLayout(LayoutKind.Explicit, Size = 256)]
internal struct StatxBuffer
{
    public const uint BasicStats = 0x7ff;
    public const uint DirectAlignment = 0x2000;

    [FieldOffset(0)]
    public uint Mask;

    [FieldOffset(4)]
    public uint BlockLength;

    [FieldOffset(28)]
    public ushort Mode;

    [FieldOffset(32)]
    public ulong Inode;

    [FieldOffset(40)]
    public ulong Length;

    [FieldOffset(48)]
    public ulong SectorCount;

    [FieldOffset(136)]
    public uint DeviceMajor;

    [FieldOffset(140)]
    public uint DeviceMinor;

    [FieldOffset(152)]
    public uint DirectMemoryAlignment;

    [FieldOffset(156)]
    public uint DirectOffsetAlignment;
}
