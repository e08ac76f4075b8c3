using BlockUring.Storage;

namespace BlockUring.Images;

/// <summary>A format as such, before any image of it is open: probing, opening, creating, measuring. One instance each, listed in ImageFormats.</summary>
public abstract class ImageDriver
{
    /// <summary>The driver's name: "raw", "qcow2".</summary>
    public abstract string Name { get; }

    /// <summary>The format's own creation options, in the order in which `create` prints them.</summary>
    public abstract IReadOnlyList<CreateOption> CreateOptions { get; }

    /// <summary>The options of an image that exists that can be changed; none for a format that cannot do that.</summary>
    public virtual IReadOnlyList<CreateOption> AmendOptions => [];

    /// <summary>Whether clusters can be written compressed.</summary>
    public virtual bool CanCompress => false;

    /// <summary>How surely a file is of this format: 0 (not) to 100.</summary>
    /// <param name="head">The first bytes of the file, up to 2048.</param>
    public abstract int Probe(ReadOnlySpan<byte> head);

    /// <summary>Opens an image. The format takes its options out of <see cref="OpenContext.Options"/>.</summary>
    public abstract ValueTask<ImageFormat> OpenAsync(OpenContext context);

    /// <summary>
    /// Makes an image. On success the file (or the device's content) is a whole, empty image. On failure a regular file that this call
    /// made is removed by the caller.
    /// </summary>
    public abstract ValueTask CreateAsync(FileHost host, CreateRequest request);

    /// <summary>What an image with these options would take.</summary>
    /// <param name="request">Size and options; the path is not used.</param>
    /// <param name="content">The source whose data is to be measured, or null for <see cref="CreateRequest.Length"/> alone.</param>
    public abstract ValueTask<Measurement> MeasureAsync(CreateRequest request, IMeasuredContent? content);
}
