using BlockUring.Copy;
using BlockUring.Graph;
using BlockUring.Images;
using BlockUring.Native.Interop;
using BlockUring.Storage;

namespace BlockUring.Qmp.Hmp.QemuIo;

/// <summary>write, writev and aio_write.</summary>
internal sealed class WriteCommand : QemuIoCommand
{
    private const byte DefaultPattern = 0xcd;
    private const int SectorBytes = 512;
    private const int MaxPatternBytes = 1 << 30;

    private readonly bool isVector;
    private readonly bool isAsync;

    public WriteCommand(bool isVector, bool isAsync)
        : base(NameOf(isVector, isAsync), (isAsync ? "asynchronously " : "") + "writes a number of bytes at a specified offset")
    {
        (this.isVector, this.isAsync) = (isVector, isAsync);
        ShortName = isAsync ? null : isVector ? "wv" : "w";
        MinArguments = 2;
        MaxArguments = -1;
        Usage = isAsync ? "[-Cfiquz] [-P pattern] off len [len..]"
            : isVector ? "[-Cfq] [-P pattern] off len [len..]"
            : "[-bcCfnquz] [-P pattern | -s source_file] off len";
        Permissions = ImagePermissions.Write;
    }

    /// <inheritdoc/>
    /// <remarks>-n is passed over: how zeroes are stored is the format's own affair.</remarks>
    public override async ValueTask RunAsync(QemuIoCall call)
    {
        var options = QemuIoOptions.Parse(Name, call.Arguments, isAsync ? "CfiP:quz" : isVector ? "CfqP:" : "bcCfnpP:qs:uz");
        byte? pattern = DefaultPattern;
        if (options.Error == null && options['P'] is { } text && (pattern = QemuIoRange.ParsePattern(call, text)) == null)
            return;
        if (options.Error == null && options.Rest.Count >= 2 && FindConflict(options) is { } conflict)
        {
            call.Print(conflict);
            return;
        }

        var isLimited = !isVector && !options.Has('n');
        if (QemuIoRange.Parse(this, call, options, isVector, isLimited, " without -n") is not { } range)
            return;
        if (options.Has('c') && FindMisaligned(range) is { } misaligned)
            call.Print(misaligned);
        else if (options.Has('b'))
            call.Print($"{Name} failed: Operation not supported");
        else if (options.Has('i'))
            call.Print("injecting invalid write request");
        else if (isAsync)
            await QemuIoBackground.StartAsync(call, Permissions, c => WriteAsync(c, options, range, [pattern!.Value]));
        else if (options['s'] is not { } path)
            await WriteAsync(call, options, range, [pattern!.Value]);
        else if (await LoadAsync(call, path, range.Length) is { } content)
            await WriteAsync(call, options, range, content);
    }

    // What the file begins with is written again and again.
    private static async ValueTask<byte[]?> LoadAsync(QemuIoCall call, string path, long length)
    {
        var load = new FileLoad(path, (int)Math.Clamp(length, 1, MaxPatternBytes));
        await call.Context.Scheduler.OffloadAsync(load);
        if (load.ErrorNumber == 0 && load.Content.Length > 0)
            return load.Content;
        call.Print($"{path}: {(load.ErrorNumber == 0 ? "file is empty" : Errno.Message(load.ErrorNumber))}");
        return null;
    }

    private string? FindConflict(QemuIoOptions options)
    {
        var (writesZeroes, hasPattern) = (options.Has('z'), options.Has('P'));
        if (options.Has('b') && writesZeroes)
            return "-b and -z cannot be specified at the same time";
        if (options.Has('f') && (options.Has('b') || options.Has('c')))
            return "-f and -b or -c cannot be specified at the same time";
        if (options.Has('n') && !writesZeroes)
            return "-n requires -z to be specified";
        if (isAsync && writesZeroes && options.Rest.Count > 2)
            return "-z supports only a single length parameter";
        if (options.Has('u') && !writesZeroes)
            return "-u requires -z to be specified";
        if (!isAsync && ((writesZeroes && hasPattern) || (options.Has('s') && (writesZeroes || hasPattern))))
            return "Only one of -z, -P, and -s can be specified at the same time";
        return null;
    }

    private static string? FindMisaligned(QemuIoRange range)
    {
        if (range.Offset % SectorBytes != 0)
            return $"{range.Offset} is not a sector-aligned value for 'offset'";
        return range.Length % SectorBytes != 0 ? $"{range.Length} is not a sector-aligned value for 'count'" : null;
    }

    private async ValueTask WriteAsync(QemuIoCall call, QemuIoOptions options, QemuIoRange range, byte[] pattern)
    {
        var start = call.Now;
        async ValueTask Request(BlockNode node)
        {
            if (options.Has('z'))
                await ZeroAsync(node, range, options.Has('u') ? WriteFlags.MayUnmap : WriteFlags.None);
            else if (options.Has('c'))
                await CompressAsync(call, node, range, pattern);
            else
                await call.WriteAsync(node, range.Offset, range.Length, pattern);
            if (options.Has('f'))
                await node.FlushAsync();
        }

        if (await call.TryRequestAsync(Name, Request) && !options.Has('q'))
            call.Output.Append(QemuIoReport.Request("wrote", range.Offset, range.Length, call.Since(start), options.Has('C')));
    }

    private static ValueTask ZeroAsync(BlockNode node, QemuIoRange range, WriteFlags flags)
    {
        QemuIoCall.DemandInside(node, range.Offset, range.Length);
        return range.Length == 0 ? ValueTask.CompletedTask : node.WriteZeroesAsync(range.Offset, range.Length, flags);
    }

    private static async ValueTask CompressAsync(QemuIoCall call, BlockNode node, QemuIoRange range, byte[] pattern)
    {
        QemuIoCall.DemandInside(node, range.Offset, range.Length);
        if ((node.Layer as FormatNode)?.Image.Format.Compression is not { } type)
            throw QemuIoCall.Failure(Errno.EOPNOTSUPP);
        var (cluster, end) = (node.ClusterLength, range.Offset + range.Length);
        if (range.Offset % cluster != 0 || (end % cluster != 0 && end != node.Length))
            throw QemuIoCall.Failure(Errno.EINVAL);
        using var buffer = node.Buffers.Rent(cluster);
        for (var at = range.Offset; at < end; at += cluster)
        {
            QemuIoCall.Fill(buffer.Span, pattern, at - range.Offset);
            await CompressedWrite.RunAsync(call.Context.Scheduler, node, type, at, buffer.Memory.Slice(0, (int)Math.Min(cluster, end - at)));
        }
    }

    private static string NameOf(bool isVector, bool isAsync) => isAsync ? "aio_write" : isVector ? "writev" : "write";
}
