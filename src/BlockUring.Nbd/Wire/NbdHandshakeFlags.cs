namespace BlockUring.Nbd.Wire;

/// <summary>What a server says after its greeting (16 bits), and a client answers (32 bits), with the same values.</summary>
[Flags]
public enum NbdHandshakeFlags : uint
{
    /// <summary>Nothing: options cannot be refused one by one.</summary>
    None = 0,

    /// <summary>Fixed newstyle: a server answers every option.</summary>
    FixedNewstyle = 1,

    /// <summary>The 124 zeroes behind the answer to <see cref="NbdOption.ExportName"/> are left out.</summary>
    NoZeroes = 2,
}
