using System.Buffers;

namespace BlockUring.Qmp.Wire;

/// <summary>
/// Finds the messages in what a client sends, in pieces of any size: top-level JSON values, with or without white space between them. A
/// message ends when as many braces and brackets are closed as were opened, or when one is closed that was not open.
/// </summary>
internal sealed class MessageReader
{
    private readonly JsonLexer lexer = new();
    private readonly List<JsonToken> tokens = [];
    private ArrayBufferWriter<byte> text = new(1024);
    private int openBraces;
    private int openBrackets;

    /// <summary>Takes bytes from the front of <paramref name="input"/> until a message is complete.</summary>
    /// <returns>Whether one is.</returns>
    public bool TryRead(ref ReadOnlySpan<byte> input, out WireMessage message)
    {
        while (lexer.TryNext(ref input, out var kind))
        {
            if (!Add(kind, out message))
                continue;
            Reset();
            return true;
        }

        message = default;
        return false;
    }

    /// <summary>What there is of a message after the last byte: an error, in the parser's words.</summary>
    public WireMessage End()
    {
        var message = MessageParser.Parse(text.WrittenMemory, tokens);
        Reset();
        return message;
    }

    private bool Add(JsonTokenKind kind, out WireMessage message)
    {
        Count(kind);
        var error = Refusal(kind);
        if (error != null)
        {
            message = new(default, error);
            return true;
        }

        tokens.Add(new(kind, text.WrittenCount, lexer.Text.Length));
        text.Write(lexer.Text);
        var isOpen = (openBraces > 0 || openBrackets > 0) && openBraces >= 0 && openBrackets >= 0;
        message = isOpen ? default : MessageParser.Parse(text.WrittenMemory, tokens);
        return !isOpen;
    }

    private void Count(JsonTokenKind kind)
    {
        openBraces += kind switch { JsonTokenKind.LeftBrace => 1, JsonTokenKind.RightBrace => -1, _ => 0 };
        openBrackets += kind switch { JsonTokenKind.LeftBracket => 1, JsonTokenKind.RightBracket => -1, _ => 0 };
    }

    private string? Refusal(JsonTokenKind kind)
    {
        if (kind == JsonTokenKind.Stray)
            return $"JSON parse error, stray '{MessageParser.Quote(lexer.Text)}'";
        if (kind == JsonTokenKind.Oversized || text.WrittenCount + lexer.Text.Length + 1 > WireLimits.MaxMessageBytes)
            return "JSON token size limit exceeded";
        if (tokens.Count + 1 > WireLimits.MaxTokenCount)
            return "JSON token count limit exceeded";
        return openBraces + openBrackets > WireLimits.MaxNesting ? "JSON nesting depth limit exceeded" : null;
    }

    private void Reset()
    {
        openBraces = openBrackets = 0;
        tokens.Clear();

        // Why: one long message must not hold its memory as long as the session lives.
        if (text.Capacity > WireLimits.MaxKeptBytes)
        {
            text = new(1024);
            tokens.TrimExcess();
        }
        else
        {
            text.ResetWrittenCount();
        }
    }
}
