using System.Runtime.InteropServices;

namespace BlockUring.Native.Interop;

/// <summary>struct file_clone_range of linux/fs.h.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct CloneRange
{
    public long SourceDescriptor;
    public ulong SourceOffset;
    public ulong Length;
    public ulong TargetOffset;
}
