using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;

namespace BlockUring.Qmp.Wire;

/// <summary>Writes messages as QEMU does: ASCII only, its order of members, a blank after every colon and comma, one line or indented.</summary>
internal sealed class WireText
{
    private readonly ArrayBufferWriter<byte> output;
    private readonly bool isPretty;
    private int depth;

    private WireText(ArrayBufferWriter<byte> output, bool isPretty)
    {
        this.output = output;
        this.isPretty = isPretty;
    }

    /// <summary>Appends an object and the end of the line.</summary>
    /// <param name="output">Takes the bytes.</param>
    /// <param name="members">In any order.</param>
    /// <param name="isPretty">Whether it goes over several lines.</param>
    public static void WriteMessage(ArrayBufferWriter<byte> output, List<(string Name, JsonElement Value)> members, bool isPretty)
    {
        new WireText(output, isPretty).Members(members);
        output.Write("\r\n"u8);
    }

    /// <summary>A value in one line, for tests and the human monitor.</summary>
    public static string Format(JsonElement value)
    {
        var output = new ArrayBufferWriter<byte>();
        new WireText(output, false).Value(value);
        return Encoding.ASCII.GetString(output.WrittenSpan);
    }

    private void Value(JsonElement value)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.Object:
                var members = new List<(string, JsonElement)>();
                foreach (var member in value.EnumerateObject())
                    members.Add((member.Name, member.Value));
                Members(members);
                break;
            case JsonValueKind.Array:
                Items(value);
                break;
            case JsonValueKind.String:
                Quoted(value.GetString()!);
                break;
            case JsonValueKind.Number:
                Ascii(Number(value));
                break;
            case JsonValueKind.True:
                output.Write("true"u8);
                break;
            case JsonValueKind.False:
                output.Write("false"u8);
                break;
            default:
                output.Write("null"u8);
                break;
        }
    }

    private void Members(List<(string Name, JsonElement Value)> members)
    {
        MemberOrder.Sort(members, m => m.Name);
        output.Write("{"u8);
        depth++;
        for (var i = 0; i < members.Count; i++)
        {
            Separate(i);
            Quoted(members[i].Name);
            output.Write(": "u8);
            Value(members[i].Value);
        }

        End();
        output.Write("}"u8);
    }

    private void Items(JsonElement array)
    {
        output.Write("["u8);
        depth++;
        var count = 0;
        foreach (var item in array.EnumerateArray())
        {
            Separate(count++);
            Value(item);
        }

        End();
        output.Write("]"u8);
    }

    private void Separate(int index)
    {
        if (index > 0)
            output.Write(isPretty ? ","u8 : ", "u8);
        Break();
    }

    private void End()
    {
        depth--;
        Break();
    }

    private void Break()
    {
        if (!isPretty)
            return;
        output.Write("\r\n"u8);
        for (var i = 0; i < depth; i++)
            output.Write("    "u8);
    }

    private void Quoted(string text)
    {
        output.Write("\""u8);
        foreach (var unit in text)
        {
            if (unit is >= ' ' and <= '~' and not ('"' or '\\'))
                output.Write([(byte)unit]);
            else
                Ascii(Escaped(unit));
        }

        output.Write("\""u8);
    }

    private static string Escaped(char unit) => unit switch
    {
        '"' => "\\\"",
        '\\' => "\\\\",
        '\b' => "\\b",
        '\f' => "\\f",
        '\n' => "\\n",
        '\r' => "\\r",
        '\t' => "\\t",
        _ => $"\\u{(int)unit:X4}",
    };

    private static string Number(JsonElement value)
    {
        if (value.TryGetInt64(out var signed))
            return signed.ToString(CultureInfo.InvariantCulture);
        if (value.TryGetUInt64(out var unsigned))
            return unsigned.ToString(CultureInfo.InvariantCulture);
        return CNumber.Format(value.GetDouble());
    }

    private void Ascii(string text)
    {
        var span = output.GetSpan(text.Length);
        output.Advance(Encoding.ASCII.GetBytes(text, span));
    }
}
