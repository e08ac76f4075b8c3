using System.Runtime.InteropServices;

#pragma warning disable CA1069 // Values repeat where the kernel's do.

namespace BlockUring.Native.Interop;

/// <summary>A submission queue entry: struct io_uring_sqe of linux/io_uring.h, with the members used here.</summary>
/// <remarks>
/// <code>
/// 0 opcode u8 | 1 flags u8 | 2 ioprio u16 | 4 fd s32 | 8 off u64 | 16 addr u64 | 24 len u32 | 28 op flags u32
/// 32 user_data u64 | 40 buf_index u16 | 42 personality u16 | 44 splice_fd_in/file_index s32 | 48 addr3 u64 | 56 pad u64
/// </code>
/// </remarks>
[StructLayout(LayoutKind.Explicit, Size = 64)]
internal struct IoUringSqe
{
    [FieldOffset(0)]
    public IoUringOp Opcode;
    [FieldOffset(1)]
    public IoUringSqeFlags Flags;
    [FieldOffset(2)]
    public ushort IoPriority;
    [FieldOffset(4)]
    public int Fd;
    [FieldOffset(8)]
    public ulong Offset;
    [FieldOffset(16)]
    public ulong Address;
    [FieldOffset(24)]
    public uint Length;
    [FieldOffset(28)]
    public uint OpFlags;
    [FieldOffset(32)]
    public ulong UserData;
    [FieldOffset(40)]
    public ushort BufferIndex;
    [FieldOffset(42)]
    public ushort Personality;
    [FieldOffset(44)]
    public int FileIndex;
    [FieldOffset(48)]
    public ulong Address3;
    [FieldOffset(56)]
    public ulong Padding;
}

/// <summary>A completion queue entry: struct io_uring_cqe.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct IoUringCqe
{
    public ulong UserData;
    public int Result;
    public uint Flags;
}

/// <summary>struct io_sqring_offsets.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct IoUringSqOffsets
{
    public uint Head;
    public uint Tail;
    public uint RingMask;
    public uint RingEntries;
    public uint Flags;
    public uint Dropped;
    public uint Array;
    public uint Reserved1;
    public ulong UserAddress;
}

/// <summary>struct io_cqring_offsets.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct IoUringCqOffsets
{
    public uint Head;
    public uint Tail;
    public uint RingMask;
    public uint RingEntries;
    public uint Overflow;
    public uint Cqes;
    public uint Flags;
    public uint Reserved1;
    public ulong UserAddress;
}

/// <summary>struct io_uring_params.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct IoUringParams
{
    public uint SqEntries;
    public uint CqEntries;
    public IoUringSetup Flags;
    public uint SqThreadCpu;
    public uint SqThreadIdle;
    public uint Features;
    public uint WqFd;
    public uint Reserved0;
    public uint Reserved1;
    public uint Reserved2;
    public IoUringSqOffsets SqOffsets;
    public IoUringCqOffsets CqOffsets;
}

/// <summary>struct io_uring_getevents_arg, the argument of IORING_ENTER_EXT_ARG.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct IoUringGetEventsArg
{
    public ulong SigMask;
    public uint SigMaskLength;
    public uint MinWaitMicroseconds;
    public ulong Timespec;
}

/// <summary>struct __kernel_timespec.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct KernelTimespec
{
    public long Seconds;
    public long Nanoseconds;
}

/// <summary>struct io_uring_rsrc_register: a table of files or buffers.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct IoUringResourceRegister
{
    public uint Count;
    public uint Flags;
    public ulong Reserved;
    public ulong Data;
    public ulong Tags;
}

/// <summary>struct io_uring_rsrc_update: new entries of a table; also what ring fd registration takes.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct IoUringResourceUpdate
{
    public uint Offset;
    public uint Reserved;
    public ulong Data;
}

/// <summary>struct io_uring_rsrc_update2.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct IoUringResourceUpdate2
{
    public uint Offset;
    public uint Reserved;
    public ulong Data;
    public ulong Tags;
    public uint Count;
    public uint Reserved2;
}

/// <summary>struct io_uring_probe_op.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct IoUringProbeOp
{
    public byte Op;
    public byte Reserved;
    public ushort Flags;
    public uint Reserved2;
}

/// <summary>struct io_uring_probe without its trailing array.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct IoUringProbe
{
    public byte LastOp;
    public byte OpsLength;
    public ushort Reserved;
    public uint Reserved20;
    public uint Reserved21;
    public uint Reserved22;
}

/// <summary>struct iovec.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct IoVector
{
    public ulong Base;
    public ulong Length;
}

/// <summary>enum io_uring_op.</summary>
internal enum IoUringOp : byte
{
    Nop = 0,
    Fsync = 3,
    ReadFixed = 4,
    WriteFixed = 5,
    PollAdd = 6,
    Timeout = 11,
    Accept = 13,
    AsyncCancel = 14,
    Connect = 16,
    Fallocate = 17,
    Read = 22,
    Write = 23,
    Send = 26,
    Recv = 27,
}

/// <summary>IOSQE_*.</summary>
[Flags]
internal enum IoUringSqeFlags : byte
{
    None = 0,
    FixedFile = 1 << 0,
    IoDrain = 1 << 1,
    IoLink = 1 << 2,
    Async = 1 << 4,
}

/// <summary>IORING_SETUP_*.</summary>
[Flags]
internal enum IoUringSetup : uint
{
    None = 0,
    CqSize = 1 << 3,
    Clamp = 1 << 4,
    SubmitAll = 1 << 7,
    CoopTaskrun = 1 << 8,
    SingleIssuer = 1 << 12,
    DeferTaskrun = 1 << 13,
    NoSqArray = 1 << 16,
}

/// <summary>Further constants of linux/io_uring.h.</summary>
internal static class IoUringAbi
{
    public const uint EnterGetEvents = 1 << 0;
    public const uint EnterExtArg = 1 << 3;
    public const uint EnterRegisteredRing = 1 << 4;

    public const uint FeatureSingleMmap = 1 << 0;
    public const uint FeatureNoDrop = 1 << 1;
    public const uint FeatureSubmitStable = 1 << 2;
    public const uint FeatureExtArg = 1 << 8;
    public const uint FeatureResourceTags = 1 << 10;
    public const uint FeatureMinTimeout = 1 << 15;

    public const uint SqCqOverflow = 1 << 1;
    public const uint SqTaskrun = 1 << 2;

    public const ulong OffsetSqRing = 0;
    public const ulong OffsetCqRing = 0x8000000;
    public const ulong OffsetSqes = 0x10000000;

    public const uint FsyncDatasync = 1 << 0;
    public const uint RwfDsync = 1 << 1;

    public const uint CancelAll = 1 << 0;
    public const uint CancelFd = 1 << 1;
    public const uint CancelAny = 1 << 2;
    public const uint CancelFdFixed = 1 << 3;

    public const uint RegisterProbe = 8;
    public const uint RegisterFiles2 = 13;
    public const uint RegisterFilesUpdate2 = 14;
    public const uint RegisterBuffers2 = 15;
    public const uint RegisterBuffersUpdate = 16;
    public const uint RegisterRingFds = 20;
    public const uint UnregisterRingFds = 21;
    public const uint ResourceSparse = 1 << 0;
    public const ushort ProbeOpSupported = 1 << 0;
}
