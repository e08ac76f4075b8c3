using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace BlockUring.Native.Memory;

/// <summary>
/// Tells whether memory holds only zero bytes, at the speed of the cache it lies in. Pure functions: any length, any alignment, any
/// thread, no allocation, and no byte outside the span is read.
/// </summary>
/// <remarks>
/// Scan a buffer as soon as its read completes, while it is still in the cache: a cold scan costs several times a hot one.
/// </remarks>
public static unsafe class ZeroDetector
{
    // Why: explicit IsSupported checks, not Vector256.IsHardwareAccelerated. A NativeAOT binary built for AVX answers
    // Avx2.IsSupported at run time, but fixes Vector256.IsHardwareAccelerated to false when it is compiled; for the same reason the
    // AVX2 path names its instructions and uses no operator of Vector256.

    /// <summary>The instructions in use on this CPU: "avx2", "sse2", "advsimd" or "scalar".</summary>
    public static string Path => BestPath() switch
    {
        ZeroPath.Avx2 => "avx2",
        ZeroPath.Sse2 => "sse2",
        ZeroPath.AdvSimd => "advsimd",
        _ => "scalar",
    };

    /// <summary>Whether every byte of <paramref name="span"/> is zero; true for an empty span.</summary>
    /// <param name="span">Memory of any length in bytes and any alignment; looked at, never kept.</param>
    public static bool IsZero(ReadOnlySpan<byte> span)
    {
        fixed (byte* start = span)
        {
            return IsZero(start, (nuint)span.Length);
        }
    }

    /// <summary>
    /// The length in bytes of the leading run of blocks that are alike: either every block of the run is all zero, or every one
    /// has a byte that is not. A caller walks a buffer run by run by slicing off what is returned.
    /// </summary>
    /// <param name="span">Memory of any alignment. Its last block is short when the length is no multiple of the granularity.</param>
    /// <param name="granularity">Block size in bytes, at least 1; blocks are counted from the start of the span.</param>
    /// <param name="isZero">Whether the run is all zero. True for an empty span.</param>
    /// <returns>Bytes in the run: a multiple of the granularity or the whole span; 0 only for an empty span.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The granularity is not positive.</exception>
    public static int FirstRun(ReadOnlySpan<byte> span, int granularity, out bool isZero)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(granularity);
        fixed (byte* start = span)
        {
            int length = Math.Min(granularity, span.Length);
            isZero = IsZero(start, (nuint)length);
            while (length < span.Length)
            {
                int block = Math.Min(granularity, span.Length - length);
                if (IsZero(start + length, (nuint)block) != isZero)
                    break;
                length += block;
            }

            return length;
        }
    }

    /// <summary>Whether this CPU, and the way this program was compiled, can take a path.</summary>
    internal static bool IsSupported(ZeroPath path) => path switch
    {
        ZeroPath.Avx2 => Avx2.IsSupported,
        ZeroPath.Sse2 => Sse2.IsSupported,
        ZeroPath.AdvSimd => AdvSimd.Arm64.IsSupported,
        _ => true,
    };

    /// <summary><see cref="IsZero(ReadOnlySpan{byte})"/> by a given path, which must be supported.</summary>
    internal static bool IsZero(ZeroPath path, ReadOnlySpan<byte> span)
    {
        if (!IsSupported(path))
            throw new PlatformNotSupportedException($"This CPU has no {path}.");
        fixed (byte* start = span)
        {
            nuint length = (nuint)span.Length;
            if (length < sizeof(ulong))
                return IsZeroShort(start, length);
            return path switch
            {
                ZeroPath.Avx2 when length >= (nuint)Vector256<byte>.Count => IsZeroAvx2(start, length),
                ZeroPath.Sse2 when length >= (nuint)Vector128<byte>.Count => IsZeroSse2(start, length),
                ZeroPath.AdvSimd when length >= (nuint)Vector128<byte>.Count => IsZeroAdvSimd(start, length),
                _ => IsZeroScalar(start, length),
            };
        }
    }

    private static ZeroPath BestPath()
    {
        if (Avx2.IsSupported)
            return ZeroPath.Avx2;
        if (Sse2.IsSupported)
            return ZeroPath.Sse2;
        return AdvSimd.Arm64.IsSupported ? ZeroPath.AdvSimd : ZeroPath.Scalar;
    }

    private static bool IsZero(byte* start, nuint length)
    {
        if (length < sizeof(ulong))
            return IsZeroShort(start, length);
        if (ProbeFindsData(start, length))
            return false;
        if (Avx2.IsSupported && length >= (nuint)Vector256<byte>.Count)
            return IsZeroAvx2(start, length);
        if (Sse2.IsSupported && length >= (nuint)Vector128<byte>.Count)
            return IsZeroSse2(start, length);
        if (AdvSimd.Arm64.IsSupported && length >= (nuint)Vector128<byte>.Count)
            return IsZeroAdvSimd(start, length);
        return IsZeroScalar(start, length);
    }

    // Why: a block with data nearly always shows it in its first, middle or last word, and then the scan is over after three loads.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool ProbeFindsData(byte* start, nuint length)
    {
        nuint last = length - sizeof(ulong);
        return (Word(start) | Word(start + last / 2) | Word(start + last)) != 0;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Word(byte* at) => Unsafe.ReadUnaligned<ulong>(at);

    /// <summary>Fewer than eight bytes.</summary>
    private static bool IsZeroShort(byte* start, nuint length)
    {
        uint seen = 0;
        for (nuint i = 0; i < length; i++)
            seen |= start[i];
        return seen == 0;
    }

    // Each scan below goes on by strides of four vectors while they fit, then by single vectors, and ends with one that is
    // aligned to the end of the memory and may overlap what was seen already: no byte loop, no byte outside.

    /// <summary>At least eight bytes.</summary>
    private static bool IsZeroScalar(byte* start, nuint length)
    {
        const nuint Stride = 4 * sizeof(ulong);
        byte* at = start;
        byte* last = start + length - sizeof(ulong);
        for (nuint strides = length / Stride; strides > 0; strides--, at += Stride)
        {
            if ((Word(at) | Word(at + 8) | Word(at + 16) | Word(at + 24)) != 0)
                return false;
        }

        for (; at < last; at += sizeof(ulong))
        {
            if (Word(at) != 0)
                return false;
        }

        return Word(last) == 0;
    }

    /// <summary>At least 32 bytes.</summary>
    private static bool IsZeroAvx2(byte* start, nuint length)
    {
        const nuint Stride = 4 * 32;
        byte* at = start;
        byte* last = start + length - 32;
        for (nuint strides = length / Stride; strides > 0; strides--, at += Stride)
        {
            Vector256<byte> low = Avx2.Or(Avx.LoadVector256(at), Avx.LoadVector256(at + 32));
            Vector256<byte> high = Avx2.Or(Avx.LoadVector256(at + 64), Avx.LoadVector256(at + 96));
            Vector256<byte> seen = Avx2.Or(low, high);
            if (!Avx.TestZ(seen, seen))
                return false;
        }

        Vector256<byte> rest = Avx.LoadVector256(last);
        for (; at < last; at += 32)
            rest = Avx2.Or(rest, Avx.LoadVector256(at));
        return Avx.TestZ(rest, rest);
    }

    /// <summary>At least 16 bytes.</summary>
    private static bool IsZeroSse2(byte* start, nuint length)
    {
        const nuint Stride = 4 * 16;
        byte* at = start;
        byte* last = start + length - 16;
        for (nuint strides = length / Stride; strides > 0; strides--, at += Stride)
        {
            Vector128<byte> low = Sse2.Or(Sse2.LoadVector128(at), Sse2.LoadVector128(at + 16));
            Vector128<byte> high = Sse2.Or(Sse2.LoadVector128(at + 32), Sse2.LoadVector128(at + 48));
            if (!IsZeroVectorSse2(Sse2.Or(low, high)))
                return false;
        }

        Vector128<byte> rest = Sse2.LoadVector128(last);
        for (; at < last; at += 16)
            rest = Sse2.Or(rest, Sse2.LoadVector128(at));
        return IsZeroVectorSse2(rest);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool IsZeroVectorSse2(Vector128<byte> vector) =>
        Sse2.MoveMask(Sse2.CompareEqual(vector, Vector128<byte>.Zero)) == 0xFFFF;

    /// <summary>At least 16 bytes.</summary>
    private static bool IsZeroAdvSimd(byte* start, nuint length)
    {
        const nuint Stride = 4 * 16;
        byte* at = start;
        byte* last = start + length - 16;
        for (nuint strides = length / Stride; strides > 0; strides--, at += Stride)
        {
            Vector128<byte> low = AdvSimd.Or(AdvSimd.LoadVector128(at), AdvSimd.LoadVector128(at + 16));
            Vector128<byte> high = AdvSimd.Or(AdvSimd.LoadVector128(at + 32), AdvSimd.LoadVector128(at + 48));
            if (!IsZeroVectorAdvSimd(AdvSimd.Or(low, high)))
                return false;
        }

        Vector128<byte> rest = AdvSimd.LoadVector128(last);
        for (; at < last; at += 16)
            rest = AdvSimd.Or(rest, AdvSimd.LoadVector128(at));
        return IsZeroVectorAdvSimd(rest);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool IsZeroVectorAdvSimd(Vector128<byte> vector) => AdvSimd.Arm64.MaxAcross(vector).ToScalar() == 0;
}
