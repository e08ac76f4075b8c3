using BlockUring.Storage;

namespace BlockUring.Images.Raw;

/// <summary>The raw format: any file is one, which is why it is guessed last and warned about.</summary>
internal sealed class RawDriver : ImageDriver
{
    public override string Name => "raw";

    public override IReadOnlyList<CreateOption> CreateOptions { get; } =
    [
        new("size", CreateOptionKind.Size, "Virtual disk size"),
    ];

    public override int Probe(ReadOnlySpan<byte> head) => 1;

    public override ValueTask<ImageFormat> OpenAsync(OpenContext context)
    {
        var start = TakeSize(context, "offset") ?? 0;
        var size = TakeSize(context, "size");
        var fileLength = context.File.Length + 511 & ~511L;
        if (start > fileLength)
            throw new BlockException(BlockErrorKind.Invalid, $"Offset ({start}) cannot be greater than size of the containing file ({fileLength})");
        if (size > fileLength - start)
        {
            throw new BlockException(
                BlockErrorKind.Invalid,
                $"The sum of offset ({start}) and size ({size}) has to be smaller or equal to the  actual size of the containing file ({fileLength})");
        }

        if (size % 512 != 0 && size != null)
            throw new BlockException(BlockErrorKind.Invalid, "Specified size is not multiple of 512");
        return new(new RawImage(context.File, Name, start, size));
    }

    public override async ValueTask CreateAsync(FileHost host, CreateRequest request)
    {
        var preallocation = request.Option("preallocation") switch
        {
            null or "off" => PreallocationMode.Off,
            "falloc" => PreallocationMode.Falloc,
            "full" => PreallocationMode.Full,
            "metadata" => throw new BlockException(BlockErrorKind.Unsupported, "Unsupported preallocation mode 'metadata'"),
            var other => throw new BlockException(BlockErrorKind.Invalid, $"invalid parameter value: {other}"),
        };
        var length = (request.Length + 511) & ~511L;
        await using var file = await host.CreateAsync(request.Path, length, preallocation, request.File);
    }

    public override ValueTask<Measurement> MeasureAsync(CreateRequest request, IMeasuredContent? content)
    {
        var length = content?.Length ?? ((request.Length + 511) & ~511L);
        return new(new Measurement(length, length));
    }

    private static long? TakeSize(OpenContext context, string name)
    {
        if (!context.Options.TryTake(name, out var text))
            return null;
        return SizeText.TryParse(text, out var value)
            ? value
            : throw new BlockException(BlockErrorKind.Invalid, $"Parameter '{name}' expects a non-negative number below 2^64");
    }
}
