using BlockUring.Images;
using BlockUring.Storage;

namespace BlockUring.Cli.Img;

/// <summary>The backing file that an image is to get: a layer of its old chain, or one that is opened for that.</summary>
internal sealed class RebaseBacking : IAsyncDisposable
{
    private readonly Image? owned;

    private RebaseBacking(Image? image, Image? owned) => (Image, this.owned) = (image, owned);

    /// <summary>The image; null for none.</summary>
    public Image? Image { get; }

    /// <summary>Finds or opens it.</summary>
    /// <exception cref="CommandFailure">"Could not open new backing file 'NAME': reason".</exception>
    public static async ValueTask<RebaseBacking> OpenAsync(
        ImgContext context, FileHost host, RebaseSettings settings, Image overlay, CacheMode cache)
    {
        var name = settings.Backing!;
        if (name.Length == 0)
            return new RebaseBacking(null, null);
        var path = ImagePath.Combine(overlay.File.Path, name);
        if (FindLayer(host, overlay, path, settings.BackingFormat) is { } layer)
            return new RebaseBacking(layer, null);
        try
        {
            var open = new ImageOpenSettings(host, new FileOpenOptions(true, cache, settings.ForceShare)) { Warn = context.Warn };
            var image = await BackingChain.OpenAsync(ImageOpener.DemandFile(path), settings.BackingFormat, open);
            return new RebaseBacking(image, image);
        }
        catch (BlockException e)
        {
            throw CommandFailure.Because($"Could not open new backing file '{name}': ", e);
        }
    }

    public ValueTask DisposeAsync() => owned?.DisposeAsync() ?? ValueTask.CompletedTask;

    // One that the user takes for another format than it has in the chain shows something else.
    private static Image? FindLayer(FileHost host, Image overlay, string path, string? format)
    {
        for (var layer = overlay.Backing as Image; layer != null; layer = layer.Backing as Image)
        {
            if (host.AreSame(path, layer.File.Path) && (format == null || format == layer.Format.Name))
                return layer;
        }

        return null;
    }
}
