namespace BlockUring.Qmp.Schema;

/// <summary>The types that need no definition.</summary>
internal enum BuiltinKind
{
    /// <summary>Text.</summary>
    Str,

    /// <summary>A signed number of 64 bits.</summary>
    Int,

    /// <summary>A signed number of 32 bits.</summary>
    Int32,

    /// <summary>An unsigned number of 16 bits.</summary>
    UInt16,

    /// <summary>An unsigned number of 32 bits.</summary>
    UInt32,

    /// <summary>An unsigned number of 64 bits; negative ones wrap, as in QEMU.</summary>
    UInt64,

    /// <summary>Bytes: as <see cref="UInt64"/>.</summary>
    Size,

    /// <summary>A number with fraction.</summary>
    Number,

    /// <summary>true or false.</summary>
    Bool,

    /// <summary>Nothing else but null.</summary>
    Null,

    /// <summary>Any value.</summary>
    Any,
}
