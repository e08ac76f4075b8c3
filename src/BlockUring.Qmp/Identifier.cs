namespace BlockUring.Qmp;

/// <summary>The names of what a client makes.</summary>
internal static class Identifier
{
    /// <summary>What a mistake in an id is followed by on a command line.</summary>
    public const string Hint = "Identifiers consist of letters, digits, '-', '.', '_', starting with a letter.";

    // As long as the names of nodes and devices can get in scripts, by far.
    private const int MaxLength = 127;

    /// <summary>Whether a text is one.</summary>
    public static bool IsOne(string id) =>
        id.Length is > 0 and <= MaxLength && char.IsAsciiLetter(id[0]) && id.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '.' or '_');
}
