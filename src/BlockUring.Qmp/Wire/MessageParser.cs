using System.Buffers;
using System.Text;
using System.Text.Json;

namespace BlockUring.Qmp.Wire;

/// <summary>
/// Turns the tokens of one message into a JSON value, with QEMU's errors. What the lexer lets through is more than JSON: the result is
/// written anew, strictly, and read by the framework's types.
/// </summary>
internal ref struct MessageParser
{
    private static readonly JsonWriterOptions WriterOptions = new() { SkipValidation = true, MaxDepth = WireLimits.MaxDepth };
    private static readonly JsonDocumentOptions DocumentOptions = new() { MaxDepth = WireLimits.MaxDepth };

    private const int MaxKeptNames = 32;

    private readonly ReadOnlySpan<byte> text;
    private readonly List<JsonToken> tokens;
    private readonly Utf8JsonWriter writer;
    private readonly List<HashSet<string>?> names;
    private int next;
    private string? error;

    private MessageParser(ReadOnlySpan<byte> text, List<JsonToken> tokens, Utf8JsonWriter writer)
    {
        this.text = text;
        this.tokens = tokens;
        this.writer = writer;
        names = [];
    }

    /// <summary>Parses a message.</summary>
    /// <param name="text">The bytes of its tokens.</param>
    /// <param name="tokens">One or more.</param>
    public static WireMessage Parse(ReadOnlyMemory<byte> text, List<JsonToken> tokens)
    {
        var output = new ArrayBufferWriter<byte>(text.Length + 16);
        using var writer = new Utf8JsonWriter(output, WriterOptions);
        var parser = new MessageParser(text.Span, tokens, writer);
        if (!parser.Value(0))
            return new(default, $"JSON parse error, {parser.error}");
        writer.Flush();
        return new(JsonDocument.Parse(output.WrittenMemory, DocumentOptions).RootElement, null);
    }

    /// <summary>Bytes as they stand in an error: up to a zero byte, with replacement characters for what is no UTF-8.</summary>
    public static string Quote(ReadOnlySpan<byte> bytes)
    {
        var end = bytes.IndexOf((byte)0);
        return Encoding.UTF8.GetString(end < 0 ? bytes : bytes[..end]);
    }

    private bool Value(int depth)
    {
        if (next == tokens.Count)
            return Fail("premature EOI");
        var token = tokens[next++];
        var bytes = text.Slice(token.Start, token.Length);
        switch (token.Kind)
        {
            case JsonTokenKind.LeftBrace:
                return Members(depth);
            case JsonTokenKind.LeftBracket:
                return Items(depth);
            case JsonTokenKind.Integer or JsonTokenKind.Float:
                writer.WriteRawValue(bytes, skipInputValidation: true);
                return true;
            case JsonTokenKind.Keyword:
                return Keyword(bytes);
            case JsonTokenKind.String:
                var content = QuotedText.Decode(bytes, out error);
                if (content == null)
                    return false;
                writer.WriteStringValue(content);
                return true;
            default:
                return Fail("expecting value");
        }
    }

    private bool Keyword(ReadOnlySpan<byte> bytes)
    {
        if (bytes.SequenceEqual("true"u8) || bytes.SequenceEqual("false"u8))
            writer.WriteBooleanValue(bytes.Length == 4);
        else if (bytes.SequenceEqual("null"u8))
            writer.WriteNullValue();
        else
            return Fail($"invalid keyword '{Encoding.UTF8.GetString(bytes)}'");
        return true;
    }

    private bool Members(int depth)
    {
        writer.WriteStartObject();
        if (!IsNext(JsonTokenKind.RightBrace))
        {
            if (!Member(depth))
                return false;
            while (!IsNext(JsonTokenKind.RightBrace))
            {
                if (!IsNext(JsonTokenKind.Comma))
                    return Fail(next == tokens.Count ? "premature EOI" : "expected separator in dict");
                next++;
                if (!Member(depth))
                    return false;
            }
        }

        next++;
        ForgetNames(depth);
        writer.WriteEndObject();
        return true;
    }

    private bool Member(int depth)
    {
        if (!IsNext(JsonTokenKind.String))
        {
            // Why: a key is a value like any other to QEMU, so that its errors come first.
            return Value(depth + 1) && Fail("key is not a string in object");
        }

        var token = tokens[next++];
        var name = QuotedText.Decode(text.Slice(token.Start, token.Length), out error);
        if (name == null)
            return false;
        if (!IsNext(JsonTokenKind.Colon))
            return Fail("missing : in object pair");
        next++;
        writer.WritePropertyName(name);
        if (!Value(depth + 1))
            return false;
        return NamesAt(depth).Add(name) || Fail("duplicate key");
    }

    private bool Items(int depth)
    {
        writer.WriteStartArray();
        if (!IsNext(JsonTokenKind.RightBracket))
        {
            if (!Value(depth + 1))
                return false;
            while (!IsNext(JsonTokenKind.RightBracket))
            {
                if (!IsNext(JsonTokenKind.Comma))
                    return Fail(next == tokens.Count ? "premature EOI" : "expected separator in list");
                next++;
                if (!Value(depth + 1))
                    return false;
            }
        }

        next++;
        writer.WriteEndArray();
        return true;
    }

    private readonly bool IsNext(JsonTokenKind kind) => next < tokens.Count && tokens[next].Kind == kind;

    private readonly HashSet<string> NamesAt(int depth)
    {
        while (names.Count <= depth)
            names.Add(null);
        return names[depth] ??= new(StringComparer.Ordinal);
    }

    // Why: clearing a large set takes its capacity in time, each time, however few names are in it.
    private readonly void ForgetNames(int depth)
    {
        if (names.Count <= depth)
            return;
        if (names[depth]?.Count > MaxKeptNames)
            names[depth] = null;
        else
            names[depth]?.Clear();
    }

    private bool Fail(string message)
    {
        error ??= message;
        return false;
    }
}
