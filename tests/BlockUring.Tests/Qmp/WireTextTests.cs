using System.Buffers;
using System.Text;
using System.Text.Json;
using BlockUring.Qmp.Wire;
using Xunit;

namespace BlockUring.Tests.Qmp;

public class WireTextTests
{
    [Theory]
    [InlineData("1e400", "inf")]
    [InlineData("18446744073709551615", "18446744073709551615")]
    [InlineData("-9223372036854775809", "-9.2233720368547758e+18")]
    [InlineData("99999999999999999999", "1e+20")]
    [InlineData("1.5e3", "1500")]
    [InlineData("0.1", "0.10000000000000001")]
    [InlineData("-0", "0")]
    [InlineData("-0.0", "-0")]
    [InlineData("1e-7", "9.9999999999999995e-08")]
    [InlineData("1e16", "10000000000000000")]
    [InlineData("1e17", "1e+17")]
    [InlineData("0.0001", "0.0001")]
    [InlineData("0.00001", "1.0000000000000001e-05")]
    public void NumbersAreWrittenAsInC(string number, string expected) => Assert.Equal(expected, Format(number));

    [Fact]
    public void TextIsWrittenInAscii() =>
        Assert.Equal("\"\\u00E9\\uD83D\\uDE00 \\u007F\\\"\\\\/\\n\\u0001\"", Format("\"\u00e9\U0001F600 \u007f\\\"\\\\/\\n\\u0001\""));

    [Fact]
    public void MembersStandInThePeersOrder()
    {
        // As qemu-storage-daemon writes them.
        foreach (var line in new[]
        {
            """{"QMP": {"version": {"qemu": {"micro": 22, "minor": 2, "major": 7}, "package": "P"}, "capabilities": ["oob"]}}""",
            """{"timestamp": {"seconds": 1, "microseconds": 2}, "event": "JOB_STATUS_CHANGE", "data": {"status": "created", "id": "j"}}""",
            """{"id": 1, "error": {"class": "CommandNotFound", "desc": "D"}}""",
            """{"return": {}, "id": {"a": 1, "b": 2}}""",
        })
        {
            // Why the reverse: of two names in one bucket the one that was added last comes first.
            Assert.Equal(line, Format(Reversed(JsonDocument.Parse(line).RootElement)));
        }
    }

    [Fact]
    public void PrettyMessagesAreIndented()
    {
        var output = new ArrayBufferWriter<byte>();
        WireText.WriteMessage(output, [("return", JsonDocument.Parse("""{"a":[1,{}]}""").RootElement)], true);
        const string Expected = "{\n    \"return\": {\n        \"a\": [\n            1,\n            {\n            }\n        ]\n    }\n}\n";
        Assert.Equal(Expected.Replace("\n", "\r\n", StringComparison.Ordinal), Encoding.ASCII.GetString(output.WrittenSpan));
    }

    private static string Format(string json) => WireText.Format(JsonDocument.Parse(json).RootElement);

    private static string Reversed(JsonElement value) => value.ValueKind == JsonValueKind.Object
        ? "{" + string.Join(',', value.EnumerateObject().Reverse().Select(m => $"\"{m.Name}\":{Reversed(m.Value)}")) + "}"
        : value.GetRawText();
}
