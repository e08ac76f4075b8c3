using System.Text;
using BlockUring.Graph;

namespace BlockUring.Qmp.Hmp.QemuIo;

/// <summary>read, readv and aio_read.</summary>
internal sealed class ReadCommand : QemuIoCommand
{
    // Bytes that are shown at most: each takes about four characters.
    private const long MaxShownBytes = 1 << 20;

    private readonly bool isVector;
    private readonly bool isAsync;

    public ReadCommand(bool isVector, bool isAsync)
        : base(NameOf(isVector, isAsync), (isAsync ? "asynchronously " : "") + "reads a number of bytes at a specified offset")
    {
        (this.isVector, this.isAsync) = (isVector, isAsync);
        ShortName = isAsync ? null : isVector ? "rv" : "r";
        MinArguments = 2;
        MaxArguments = -1;
        Usage = isAsync ? "[-Ciqv] [-P pattern] off len [len..]"
            : isVector ? "[-Cqv] [-P pattern] off len [len..]"
            : "[-abCqv] [-P pattern [-s off] [-l len]] off len";
    }

    /// <inheritdoc/>
    public override async ValueTask RunAsync(QemuIoCall call)
    {
        var options = QemuIoOptions.Parse(Name, call.Arguments, isAsync ? "CP:iqv" : isVector ? "CP:qv" : "bCl:pP:qs:v");
        if (QemuIoRange.Parse(this, call, options, isVector, isLimited: !isVector, "") is not { } range)
            return;
        if (!TryParsePattern(call, options, range.Length, out var pattern, out var from, out var count))
            return;
        if (options.Has('b'))
            call.Print($"{Name} failed: Operation not supported");
        else if (options.Has('i'))
            call.Print("injecting invalid read request");
        else if (options.Has('v') && range.Length > MaxShownBytes)
            call.Print($"length cannot exceed {MaxShownBytes} with -v, given {range.Length}");
        else if (isAsync)
            await QemuIoBackground.StartAsync(call, Permissions, c => ReadAsync(c, options, range, pattern, from, count));
        else
            await ReadAsync(call, options, range, pattern, from, count);
    }

    private async ValueTask ReadAsync(QemuIoCall call, QemuIoOptions options, QemuIoRange range, byte? pattern, long from, long count)
    {
        var start = call.Now;
        var dump = new StringBuilder();
        var differs = false;
        ValueTask Request(BlockNode node) => call.ReadAsync(node, range.Offset, range.Length, (at, bytes) =>
        {
            differs |= pattern is { } wanted && Differs(bytes, wanted, from - at, from + count - at);
            if (options.Has('v') && !options.Has('q'))
                QemuIoReport.Dump(dump, bytes, range.Offset + at);
        });
        if (!await call.TryRequestAsync(isAsync ? Name : isVector ? "readv" : "read", Request))
            return;
        if (differs)
            call.Print($"Pattern verification failed at offset {range.Offset + from}, {count} bytes");
        if (options.Has('q'))
            return;
        call.Output.Append(dump).Append(QemuIoReport.Request("read", range.Offset, range.Length, call.Since(start), options.Has('C')));
    }

    private bool TryParsePattern(QemuIoCall call, QemuIoOptions options, long length, out byte? pattern, out long from, out long count)
    {
        (pattern, from, count) = (null, 0, 0);
        if (options['l'] is { } lengthText && !call.TryParseSize(lengthText, out count))
            return false;
        if (options['P'] is { } patternText && (pattern = QemuIoRange.ParsePattern(call, patternText)) == null)
            return false;
        if (options['s'] is { } fromText && !call.TryParseSize(fromText, out from))
            return false;
        if (pattern == null && (options.Has('l') || options.Has('s')))
        {
            call.Output.Append(HelpLine);
            return false;
        }

        if (!options.Has('l'))
            count = length - from;
        if (count >= 0 && from <= length - count)
            return true;
        call.Print("pattern verification range exceeds end of read data");
        return false;
    }

    private static bool Differs(ReadOnlySpan<byte> bytes, byte wanted, long from, long end)
    {
        var (first, last) = ((int)Math.Clamp(from, 0, bytes.Length), (int)Math.Clamp(end, 0, bytes.Length));
        return first < last && bytes[first..last].ContainsAnyExcept(wanted);
    }

    private static string NameOf(bool isVector, bool isAsync) => isAsync ? "aio_read" : isVector ? "readv" : "read";
}
