namespace BlockUring.Cli.Img;

/// <summary>What `img dd` is told.</summary>
internal sealed class DdSettings : CommonSettings
{
    /// <summary>The format of the output.</summary>
    public string TargetFormat { get; set; } = "raw";

    /// <summary>Bytes of a block.</summary>
    public long BlockLength { get; private set; } = 512;

    /// <summary>Blocks of the input after which it counts as ended; null for all.</summary>
    public long? Count { get; private set; }

    /// <summary>Blocks of the input that are passed over.</summary>
    public long Skip { get; private set; }

    /// <summary>The image to read; null when it was not given.</summary>
    public string? Input { get; private set; }

    /// <summary>The image to make; null when it was not given.</summary>
    public string? Output { get; private set; }

    /// <summary>Takes an operand, `name=value`.</summary>
    /// <exception cref="CommandFailure">There is none of that name, or its value is wrong.</exception>
    public void Take(string operand)
    {
        var equals = operand.IndexOf('=');
        var name = equals < 0 ? "" : operand[..equals];
        var value = operand[(equals + 1)..];
        switch (name)
        {
            case "bs":
                BlockLength = SizeArgument.Parse("bs", value, int.MaxValue, 1);
                break;
            case "count":
                Count = SizeArgument.Parse("count", value);
                break;
            case "skip":
                Skip = SizeArgument.Parse("skip", value);
                break;
            case "if":
                Input = value;
                break;
            case "of":
                Output = value;
                break;
            default:
                throw new CommandFailure($"unrecognized operand {(equals < 0 ? operand : name)}");
        }
    }

    /// <summary>The part of an image of some length that is read.</summary>
    /// <remarks>As in qemu-img 7.2, `count` tells where the input ends, and not how much of it is read after `skip`.</remarks>
    public (long Start, long End) RangeOf(long length)
    {
        var end = Count is { } count && (Int128)count * BlockLength < length ? count * BlockLength : length;
        var start = (Int128)Skip * BlockLength;
        return start > end ? (end, end) : ((long)start, end);
    }

    /// <summary>Whether what is to be passed over is more than there is.</summary>
    public bool SkipsTooMuch(long end) => (Int128)Skip * BlockLength > end;
}
