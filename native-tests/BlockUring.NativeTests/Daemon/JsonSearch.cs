using System.Text.Json;

namespace BlockUring.NativeTests.Daemon;

/// <summary>Looks for words in JSON.</summary>
internal static class JsonSearch
{
    /// <summary>Whether a value is this word, or has it somewhere inside.</summary>
    public static bool Has(this JsonElement value, string word) => value.ValueKind switch
    {
        JsonValueKind.Object => value.EnumerateObject().Any(m => m.Value.Has(word)),
        JsonValueKind.Array => value.EnumerateArray().Any(i => i.Has(word)),
        _ => value.ToString() == word,
    };
}
