namespace BlockUring.Nbd.Wire;

/// <summary>How a request is meant.</summary>
[Flags]
public enum NbdCommandFlags : ushort
{
    /// <summary>As it is.</summary>
    None = 0,

    /// <summary>Durable before it is answered.</summary>
    ForceUnitAccess = 1,

    /// <summary>Zeroes must take space: writes to them later do not fail for lack of it.</summary>
    NoHole = 1 << 1,

    /// <summary>A read is answered in one chunk.</summary>
    DoNotFragment = 1 << 2,

    /// <summary>Block status answers one extent a context.</summary>
    RequestOne = 1 << 3,

    /// <summary>Zeroes only where that is faster than writing; else <see cref="NbdError.NotSupported"/>, at once.</summary>
    FastZero = 1 << 4,

    /// <summary>With extended headers: the length counts bytes that follow.</summary>
    PayloadLength = 1 << 5,
}
