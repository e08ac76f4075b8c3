namespace BlockUring.Qmp.Wire;

/// <summary>What the lexer tells apart.</summary>
internal enum JsonTokenKind
{
    /// <summary>An opening brace.</summary>
    LeftBrace,

    /// <summary>A closing brace.</summary>
    RightBrace,

    /// <summary>An opening bracket.</summary>
    LeftBracket,

    /// <summary>A closing bracket.</summary>
    RightBracket,

    /// <summary>A colon.</summary>
    Colon,

    /// <summary>A comma.</summary>
    Comma,

    /// <summary>A number without fraction and exponent.</summary>
    Integer,

    /// <summary>Any other number.</summary>
    Float,

    /// <summary>Lower-case letters.</summary>
    Keyword,

    /// <summary>Text with its quotes, single or double.</summary>
    String,

    /// <summary>Bytes that are no token, up to and with the first wrong one.</summary>
    Stray,

    /// <summary>A token that outgrew the limit.</summary>
    Oversized,
}
