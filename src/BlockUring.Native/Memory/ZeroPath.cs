namespace BlockUring.Native.Memory;

/// <summary>The ways <see cref="ZeroDetector"/> can look at memory, each with the CPU feature it needs.</summary>
internal enum ZeroPath
{
    /// <summary>Eight bytes at a time, on any CPU.</summary>
    Scalar,

    /// <summary>128-bit vectors of x86-64.</summary>
    Sse2,

    /// <summary>128-bit vectors of ARM64.</summary>
    AdvSimd,

    /// <summary>256-bit vectors of x86-64.</summary>
    Avx2,
}
