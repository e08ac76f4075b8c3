using BlockUring.Cli.Output;
using BlockUring.Native.Interop;
using BlockUring.Storage;

namespace BlockUring.Cli.Img;

/// <summary>`img bench`: times sequential requests, many in flight.</summary>
internal sealed class BenchCommand : ConfiguredCommand<BenchSettings>
{
    public override string Name => "bench";

    public override string Summary => "Run sequential requests on an image and time them";

    protected override string OperandHelp => "FILENAME";

    protected override IReadOnlyList<ImgOption<BenchSettings>> Options { get; } =
    [
        CommonOptions<BenchSettings>.Help,
        CommonOptions<BenchSettings>.Format,
        CommonOptions<BenchSettings>.ImageOptions,
        new('t', "cache", "CACHE", "cache mode (default: writeback)", (s, v) => s.Cache = CacheMode.Parse(v) ?? throw new CommandFailure("Invalid cache mode")),
        new('c', "count", "COUNT", "requests in all (default: 75000)", (s, v) => s.Count = SizeArgument.ParseCount(v, int.MaxValue, "Invalid request count specified")),
        new('d', "depth", "DEPTH", "requests in flight (default: 64)", (s, v) => s.Depth = SizeArgument.ParseCount(v, int.MaxValue, "Invalid queue depth specified")),
        new('o', "offset", "OFFSET", "first byte (default: 0)", (s, v) => s.Offset = SizeArgument.Parse("offset", v)),
        new('s', "buffer-size", "SIZE", "bytes of a request (default: 4096)", (s, v) => s.BufferLength = (int)SizeArgument.Parse("buffer size", v, int.MaxValue)),
        new('S', "step-size", "SIZE", "bytes from request to request (default: the buffer's)", (s, v) => s.Step = (int)SizeArgument.Parse("step_size", v, int.MaxValue)),
        new('w', "write", null, "write instead of reading", (s, _) => s.IsWrite = true),
        new('\0', "pattern", "BYTE", "what is written (default: 0)", (s, v) => s.Pattern = (byte)SizeArgument.ParseCount(v, 0xff, "Invalid pattern byte specified")),
        new('\0', "flush-interval", "COUNT", "writes between flushes", (s, v) => s.FlushInterval = SizeArgument.ParseCount(v, int.MaxValue, "Invalid flush interval specified")),
        new('\0', "no-drain", null, "do not wait for other requests before a flush", (s, _) => s.DrainsOnFlush = false),
        new('i', "aio", "threads|native|io_uring", "accepted; io_uring is used always", SetAio),
        new('n', "native", null, "the same as -i native", (s, _) => s.IsNativeAio = true),
        CommonOptions<BenchSettings>.Quiet,
        CommonOptions<BenchSettings>.ForceShare,
    ];

    protected override int Run(ImgContext context, BenchSettings settings, IReadOnlyList<string> operands)
    {
        if (operands.Count != 1)
            throw CommandFailure.Usage("Expecting one image file name");
        if (!settings.IsWrite && settings.FlushInterval > 0)
            throw new CommandFailure("--flush-interval is only available in write tests");
        if (settings.FlushInterval > 0 && settings.FlushInterval < settings.Depth)
            throw new CommandFailure("Flush interval can't be smaller than depth");
        return Session.RunBulk(context, host => RunAsync(context, host, settings, operands[0]));
    }

    private static void SetAio(BenchSettings settings, string value)
    {
        if (value is not ("threads" or "native" or "io_uring"))
            throw new CommandFailure($"Invalid aio option: {value}");
        settings.IsNativeAio |= value == "native";
    }

    private static async ValueTask<int> RunAsync(ImgContext context, FileHost host, BenchSettings settings, string name)
    {
        if (settings.IsNativeAio && !settings.Cache.Direct)
        {
            throw new CommandFailure(
                $"Could not open '{name}': aio=native was specified, but it requires cache.direct=on, which was not specified.");
        }

        var file = new FileOpenOptions(!settings.IsWrite, settings.Cache, settings.ForceShare);
        await using var image = await ImageOpener.OpenAsync(context, host, name, new(settings.Format, settings.ImageOptions, file));
        if (settings.Step == 0)
            settings.Step = settings.BufferLength;
        context.Out.Write(
            $"Sending {settings.Count} {(settings.IsWrite ? "write" : "read")} requests, {settings.BufferLength} bytes each, " +
            $"{settings.Depth} in parallel (starting at offset {settings.Offset}, step size {settings.Step})\n");
        if (settings.FlushInterval > 0)
            context.Out.Write($"Sending flush every {settings.FlushInterval} requests\n");

        try
        {
            var run = new BenchRun(image, settings);
            var start = context.Time.GetTimestamp();
            await run.RunAsync();
            var seconds = context.Time.GetElapsedTime(start).TotalSeconds;

            // Why behind the measured time: what was written lasts, as with qemu-img, which does this when it closes the image.
            if (settings.IsWrite)
            {
                await image.StoreBitmapsAsync();
                await image.FlushAsync();
            }

            context.Out.Write($"Run completed in {SizeFormat.Fixed(seconds, 3)} seconds.\n");
            return 0;
        }
        catch (BlockException e)
        {
            throw new CommandFailure($"Failed request: {ErrorText.OfCause(e)}");
        }
        catch (ArgumentOutOfRangeException)
        {
            throw new CommandFailure($"Failed request: {Errno.Message(Errno.EIO)}");
        }
    }
}
