using BlockUring.Storage;

namespace BlockUring.Cli.Img;

/// <summary>What `img resize` is told.</summary>
internal sealed class ResizeSettings : CommonSettings
{
    /// <summary>How what is added is reserved.</summary>
    public PreallocationMode Preallocation { get; private set; }

    /// <summary>Whether the image may become smaller.</summary>
    public bool MayShrink { get; set; }

    /// <summary>Takes the name of a mode.</summary>
    /// <exception cref="CommandFailure">There is none of that name.</exception>
    public void SetPreallocation(string name) => Preallocation = name switch
    {
        "off" => PreallocationMode.Off,
        "metadata" => PreallocationMode.Metadata,
        "falloc" => PreallocationMode.Falloc,
        "full" => PreallocationMode.Full,
        _ => throw new CommandFailure($"Invalid preallocation mode '{name}'"),
    };
}
