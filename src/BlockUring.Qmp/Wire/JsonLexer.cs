using System.Buffers;

namespace BlockUring.Qmp.Wire;

/// <summary>
/// Cuts a byte stream into JSON tokens, byte by byte, the way QEMU does: strings may be in single quotes, a wrong byte ends in a stray
/// token, and from there everything is skipped up to a control character but the tab, a brace, bracket, colon or comma, or one of the bytes FE and FF
/// (which clients send to get back in step).
/// </summary>
internal sealed class JsonLexer
{
    // Everything else in a string goes on with it.
    private static readonly SearchValues<byte> EndsDoubleQuotedRun = EndOfRun((byte)'"');
    private static readonly SearchValues<byte> EndsSingleQuotedRun = EndOfRun((byte)'\'');

    private ArrayBufferWriter<byte> text = new(256);
    private State state;

    private enum State
    {
        Start,
        Recovery,
        DoubleQuoted,
        DoubleQuotedEscape,
        SingleQuoted,
        SingleQuotedEscape,
        Minus,
        Zero,
        Digits,
        Point,
        Fraction,
        Exponent,
        ExponentSign,
        ExponentDigits,
        Keyword,
    }

    /// <summary>The bytes of the last token.</summary>
    public ReadOnlySpan<byte> Text => text.WrittenSpan;

    /// <summary>Takes bytes from the front of <paramref name="input"/> until a token is complete.</summary>
    /// <returns>Whether one is: it stands in <see cref="Text"/> until the next call.</returns>
    public bool TryNext(ref ReadOnlySpan<byte> input, out JsonTokenKind kind)
    {
        if (state is State.Start or State.Recovery)
            Forget();
        while (!input.IsEmpty)
        {
            if (TakeRun(ref input) && text.WrittenCount > WireLimits.MaxMessageBytes)
                return GiveUp(out kind);
            if (input.IsEmpty)
                break;
            var next = input[0];
            if (EndsBefore(next, out kind))
            {
                state = State.Start;
                return true;
            }

            input = input[1..];
            if (Take(next, out kind))
                return true;
        }

        kind = default;
        return false;
    }

    // Numbers and keywords end where something else begins.
    private bool EndsBefore(byte next, out JsonTokenKind kind)
    {
        kind = state switch
        {
            State.Zero or State.Digits => JsonTokenKind.Integer,
            State.Keyword => JsonTokenKind.Keyword,
            _ => JsonTokenKind.Float,
        };
        return state switch
        {
            State.Zero => !IsDigit(next) && next != '.',
            State.Digits => !IsDigit(next) && next is not ((byte)'.' or (byte)'e' or (byte)'E'),
            State.Fraction => !IsDigit(next) && next is not ((byte)'e' or (byte)'E'),
            State.ExponentDigits => !IsDigit(next),
            State.Keyword => next is < (byte)'a' or > (byte)'z',
            _ => false,
        };
    }

    private bool Take(byte next, out JsonTokenKind kind)
    {
        kind = JsonTokenKind.Stray;
        if (state == State.Recovery)
        {
            if (!EndsRecovery(next))
                return false;
            state = State.Start;
        }

        if (state == State.Start && IsBlank(next))
            return false;
        text.Write([next]);
        if (state == State.Start && IsStructure(next))
        {
            kind = StructureOf(next);
            return true;
        }

        if (IsEndOfString(next))
        {
            kind = JsonTokenKind.String;
            state = State.Start;
            return true;
        }

        var following = Following(next);
        state = following ?? State.Recovery;
        if (following == null)
            return true;
        return text.WrittenCount > WireLimits.MaxMessageBytes && GiveUp(out kind);
    }

    private bool TakeRun(ref ReadOnlySpan<byte> input)
    {
        if (state is not (State.DoubleQuoted or State.SingleQuoted))
            return false;
        var end = input.IndexOfAny(state == State.DoubleQuoted ? EndsDoubleQuotedRun : EndsSingleQuotedRun);
        var run = end < 0 ? input : input[..end];
        text.Write(run);
        input = input[run.Length..];
        return true;
    }

    private bool GiveUp(out JsonTokenKind kind)
    {
        kind = JsonTokenKind.Oversized;
        state = State.Recovery;
        Forget();
        return true;
    }

    // Why: one long token must not hold its memory as long as the session lives.
    private void Forget()
    {
        if (text.Capacity > WireLimits.MaxKeptBytes)
            text = new(256);
        else
            text.ResetWrittenCount();
    }

    private State? Following(byte next) => state switch
    {
        State.Start => StartOf(next),
        State.DoubleQuoted or State.SingleQuoted when next is < 0x20 or >= 0xFE => null,
        State.DoubleQuoted => next == '\\' ? State.DoubleQuotedEscape : State.DoubleQuoted,
        State.SingleQuoted => next == '\\' ? State.SingleQuotedEscape : State.SingleQuoted,
        State.DoubleQuotedEscape => next is < 0x20 or >= 0xFE ? null : State.DoubleQuoted,
        State.SingleQuotedEscape => next is < 0x20 or >= 0xFE ? null : State.SingleQuoted,
        State.Minus => next == '0' ? State.Zero : IsDigit(next) ? State.Digits : null,
        State.Zero when IsDigit(next) => null,
        State.Zero or State.Digits => next == '.' ? State.Point : IsDigit(next) ? State.Digits : State.Exponent,
        State.Point => IsDigit(next) ? State.Fraction : null,
        State.Fraction => IsDigit(next) ? State.Fraction : State.Exponent,
        State.Exponent when next is (byte)'+' or (byte)'-' => State.ExponentSign,
        State.Exponent or State.ExponentSign => IsDigit(next) ? State.ExponentDigits : null,
        _ => state,
    };

    private static SearchValues<byte> EndOfRun(byte quote) =>
        SearchValues.Create([.. Enumerable.Range(0, 0x20).Select(b => (byte)b), quote, (byte)'\\', 0xFE, 0xFF]);

    private static State? StartOf(byte next) => next switch
    {
        (byte)'"' => State.DoubleQuoted,
        (byte)'\'' => State.SingleQuoted,
        (byte)'-' => State.Minus,
        (byte)'0' => State.Zero,
        >= (byte)'1' and <= (byte)'9' => State.Digits,
        >= (byte)'a' and <= (byte)'z' => State.Keyword,
        _ => null,
    };

    private bool IsEndOfString(byte next) =>
        (state == State.DoubleQuoted && next == '"') || (state == State.SingleQuoted && next == '\'');

    private static bool IsDigit(byte next) => next is >= (byte)'0' and <= (byte)'9';

    private static bool IsBlank(byte next) => next is (byte)' ' or (byte)'\t' or (byte)'\r' or (byte)'\n';

    private static bool EndsRecovery(byte next) => (next < 0x20 && next != '\t') || next >= 0xFE || IsStructure(next);

    private static bool IsStructure(byte next) => "{}[]:,"u8.Contains(next);

    private static JsonTokenKind StructureOf(byte next) => next switch
    {
        (byte)'{' => JsonTokenKind.LeftBrace,
        (byte)'}' => JsonTokenKind.RightBrace,
        (byte)'[' => JsonTokenKind.LeftBracket,
        (byte)']' => JsonTokenKind.RightBracket,
        (byte)':' => JsonTokenKind.Colon,
        _ => JsonTokenKind.Comma,
    };
}
