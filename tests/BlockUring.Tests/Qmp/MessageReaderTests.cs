using System.Text;
using BlockUring.Qmp.Wire;
using Xunit;

namespace BlockUring.Tests.Qmp;

public class MessageReaderTests
{
    private static readonly string[] Pieces =
    [
        "{", "}", "[", "]", ":", ",", "\"a\"", "'b'", "\"\\u00e9\"", "\"\\ud83d\\ude00\"", "\"\\ud83d\"", "\"\\q\"", "\"", "'", "\\", "0", "-", "-7", "01", "1.5e-3", "1e400",
        "true", "null", "nul", " ", "\n", "\t", "\0", "\u0001", "\u00ff", "\u00fe", "\u00c0\u0080", "\u00c3\u00a9", "\u00c3", "@", "{\"execute\":\"x\"}", "{\"a\":1,\"a\":2}",
    ];

    [Theory]
    [InlineData("{\"a\": [1, 'x', null]} ", "{\"a\": [1, \"x\", null]}")]
    [InlineData("{}{}[]", "{}", "{}", "[]")]
    [InlineData("1 2.50 \"x\" true ", "1", "2.5", "\"x\"", "true")]
    [InlineData("{'a':'\"','b':'\\'','c':\"'\"}", "{\"a\": \"\\\"\", \"b\": \"'\", \"c\": \"'\"}")]
    [InlineData("\"\\u0000\\/\\b\\f\\n\\r\\t\\\\\"", "\"\\u0000/\\b\\f\\n\\r\\t\\\\\"")]
    [InlineData("12")]
    [InlineData("{\"a\":")]
    [InlineData("} {}", "!JSON parse error, expecting value", "{}")]
    [InlineData("{\"a\" 1}", "!JSON parse error, missing : in object pair")]
    [InlineData("{\"a\":1,\"a\":2}", "!JSON parse error, duplicate key")]
    [InlineData("{1:2}", "!JSON parse error, key is not a string in object")]
    [InlineData("[1 2]", "!JSON parse error, expected separator in list")]
    [InlineData("{\"a\":1]}", "!JSON parse error, expected separator in dict", "!JSON parse error, expecting value")]
    [InlineData("{\"a\":tru}", "!JSON parse error, invalid keyword 'tru'")]
    [InlineData("{\"a\":01}", "!JSON parse error, stray '01'", "!JSON parse error, expecting value")]
    [InlineData("{\"a\u00ff", "!JSON parse error, stray '\"a\ufffd'")]
    [InlineData("{\"a\u00ff{}", "!JSON parse error, stray '\"a\ufffd'", "{}")]
    [InlineData("\"\\ud83d\"", "!JSON parse error, \\ud83d is not a valid Unicode character")]
    [InlineData("\"\\u12\"", "!JSON parse error, \\u12\" is not a valid Unicode character")]
    [InlineData("\"\\x\"", "!JSON parse error, invalid escape sequence in string")]
    [InlineData("\"\u00c3\"", "!JSON parse error, invalid UTF-8 sequence in string")]
    public void MessagesAreFound(string input, params string[] expected) => Assert.Equal(expected, Read(Encoding.Latin1.GetBytes(input), _ => int.MaxValue));

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void WhereTheInputIsCutDoesNotMatter(int seed)
    {
        var random = new Random(seed);
        for (var i = 0; i < 2000; i++)
        {
            var text = string.Concat(Enumerable.Range(0, random.Next(1, 30)).Select(_ => Pieces[random.Next(Pieces.Length)]));
            var bytes = Encoding.Latin1.GetBytes(text);
            var whole = Read(bytes, _ => int.MaxValue);
            Assert.Equal(whole, Read(bytes, _ => 1));
            Assert.Equal(whole, Read(bytes, _ => random.Next(1, 6)));
        }
    }

    [Theory]
    [InlineData(3)]
    public void AnyBytesAreAnsweredAndTheReaderRecovers(int seed)
    {
        var random = new Random(seed);
        var bytes = new byte[200];
        for (var i = 0; i < 5000; i++)
        {
            random.NextBytes(bytes);
            var read = Read([.. bytes, 0xFF, .. "{\"execute\":\"x\"}"u8], _ => int.MaxValue);
            Assert.Equal("{\"execute\": \"x\"}", read[^1]);
        }
    }

    [Fact]
    public void NestingIsLimited()
    {
        var deepest = new string('[', WireLimits.MaxNesting) + new string(']', WireLimits.MaxNesting);
        Assert.Equal([deepest], Read(Encoding.ASCII.GetBytes(deepest), _ => int.MaxValue));
        Assert.Equal("!JSON nesting depth limit exceeded", Read(Encoding.ASCII.GetBytes("[" + deepest), _ => int.MaxValue)[0]);
    }

    [Fact]
    public void LengthIsLimited()
    {
        var chunk = Encoding.ASCII.GetBytes(new string('x', 1 << 20));
        var reader = new MessageReader();
        var input = "[\""u8;
        Assert.False(reader.TryRead(ref input, out _));
        for (var i = 0; i < WireLimits.MaxMessageBytes >> 20; i++)
        {
            input = chunk;
            if (reader.TryRead(ref input, out var early))
                Assert.Equal("JSON token size limit exceeded", early.Error);
        }

        input = "\n{\"a\":1}"u8;
        Assert.True(reader.TryRead(ref input, out var next));
        Assert.Equal("""{"a": 1}""", WireText.Format(next.Value));
    }

    [Fact]
    public void TokensAreLimited()
    {
        var reader = new MessageReader();
        ReadOnlySpan<byte> input = Encoding.ASCII.GetBytes("[" + string.Concat(Enumerable.Repeat("1,", WireLimits.MaxTokenCount / 2)));
        Assert.True(reader.TryRead(ref input, out var message));
        Assert.Equal("JSON token count limit exceeded", message.Error);
    }

    private static List<string> Read(byte[] bytes, Func<int, int> cut)
    {
        var reader = new MessageReader();
        var messages = new List<string>();
        for (var start = 0; start < bytes.Length;)
        {
            var piece = Math.Min(cut(start), bytes.Length - start);
            ReadOnlySpan<byte> input = bytes.AsSpan(start, piece);
            start += piece;
            while (reader.TryRead(ref input, out var message))
                messages.Add(message.Error != null ? "!" + message.Error : WireText.Format(message.Value));
            Assert.True(input.IsEmpty);
        }

        return messages;
    }
}
