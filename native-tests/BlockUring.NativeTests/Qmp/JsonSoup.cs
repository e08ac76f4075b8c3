using System.Text;

namespace BlockUring.NativeTests.Qmp;

/// <summary>Bytes that are nearly JSON.</summary>
internal static class JsonSoup
{
    private static readonly string[] Pieces =
    [
        "{", "}", "[", "]", ":", ",", "{", "}", "[", "]", ":", ",", "\"a\"", "\"b\"", "'c'", "\"execute\"", "\"id\"", "\"query-version\"",
        "0", "-0", "12", "-7", "01", "1.5", "1.", "-", "1e3", "1E+2", "2e", "1e-", "99999999999999999999", "-9223372036854775809", "0.1", "1e22", "123456.789e3",
        "true", "false", "null", "nul", "x", "A", "@", "%", "%d", "\\", "\"\\n\"", "\"\\u00e9\"", "\"\\ud83d\\ude00\"", "\"\\ud83d\"", "\"\\u12\"", "\"\\q\"", "\"\\'\"",
        "'\\\"'", "\"un", "ended\"", "'", "\"", "\n", " ", "\t", "\r", "\u0001", "\u001f", "\u007f", "\u00ff", "\u00fe", "\u0000", "\"\\ufdd0\"", "\"\u00c3\u00a9\"",
        "{\"execute\":\"query-version\"}", "{\"execute\":\"query-version\",\"id\":", "{\"execute\":\"nothing\"}", "{\"id\":1}", "{\"a\":1,\"a\":2}",
    ];

    public static byte[] Make(Random random)
    {
        var text = new StringBuilder();
        for (var count = random.Next(1, 25); count > 0; count--)
        {
            text.Append(Pieces[random.Next(Pieces.Length)]);
            if (random.Next(4) == 0)
                text.Append(' ');
        }

        return Encoding.Latin1.GetBytes(text.ToString());
    }
}
