namespace BlockUring.Images;

/// <summary>One creation option of a format, as `-o help` lists it.</summary>
/// <param name="Name">The key: "cluster_size".</param>
/// <param name="Kind">How the value is parsed.</param>
/// <param name="Help">One line for the listing, QEMU's meaning.</param>
/// <param name="Default">What `create` prints when the option is not given; null for nothing.</param>
public sealed record CreateOption(string Name, CreateOptionKind Kind, string Help, string? Default = null);

/// <summary>How the value of a <see cref="CreateOption"/> is parsed.</summary>
public enum CreateOptionKind
{
    /// <summary>Any text.</summary>
    Text,

    /// <summary>on or off.</summary>
    Bool,

    /// <summary>A size with an optional suffix (k, M, G, T, P, E).</summary>
    Size,

    /// <summary>A whole number.</summary>
    Number,
}
