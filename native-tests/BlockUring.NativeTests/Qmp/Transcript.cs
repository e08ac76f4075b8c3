using System.Text.RegularExpressions;

namespace BlockUring.NativeTests.Qmp;

/// <summary>What a server answered, without what differs by nature.</summary>
internal static partial class Transcript
{
    public static string Mask(IEnumerable<string> lines) =>
        string.Join('\n', lines.Select(l => Timestamps().Replace(Package().Replace(l, "\"package\": \"P\""), "\"timestamp\": {T}")));

    [GeneratedRegex("\"package\": \"[^\"]*\"")]
    private static partial Regex Package();

    [GeneratedRegex("\"timestamp\": {[^}]*}")]
    private static partial Regex Timestamps();
}
