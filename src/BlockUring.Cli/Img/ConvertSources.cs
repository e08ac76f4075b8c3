using BlockUring.Images;
using BlockUring.Storage;

namespace BlockUring.Cli.Img;

/// <summary>The open sources of a conversion, seen as one disk: each starts where the one before ends.</summary>
internal sealed class ConvertSources : IAsyncDisposable
{
    private readonly List<Image> images = [];

    private ConvertSources()
    {
    }

    /// <summary>The images in order.</summary>
    public IReadOnlyList<Image> Images => images;

    /// <summary>Bytes of all together.</summary>
    public long Length => images.Sum(image => image.Length);

    /// <summary>Opens them, and selects the internal snapshot that is asked for.</summary>
    /// <exception cref="CommandFailure">One cannot be opened.</exception>
    public static async ValueTask<ConvertSources> OpenAsync(ImgContext context, FileHost host, ConvertRequest request)
    {
        var sources = new ConvertSources();
        try
        {
            foreach (var name in request.Sources)
                sources.images.Add(await ImageOpener.OpenAsync(context, host, name, request.SourceOpen));
            if (request.Snapshot is { IsEither: true } && sources.images.Count > 1)
                throw new CommandFailure("No support for concatenating multiple snapshot");
            if (request.Snapshot != null)
                await request.Snapshot.LoadAsync(sources.images[0]);
            return sources;
        }
        catch
        {
            await sources.DisposeAsync();
            throw;
        }
    }

    /// <summary>Closes them.</summary>
    public async ValueTask DisposeAsync()
    {
        foreach (var image in images)
            await image.DisposeAsync();
    }
}
