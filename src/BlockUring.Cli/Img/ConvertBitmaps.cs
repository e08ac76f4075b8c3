using BlockUring.Bitmaps;
using BlockUring.Images;
using BlockUring.Storage;

namespace BlockUring.Cli.Img;

/// <summary>Persistent bitmaps in a conversion.</summary>
internal static class ConvertBitmaps
{
    /// <summary>Refuses a source without bitmaps, or with some that cannot be copied.</summary>
    /// <exception cref="CommandFailure">Why.</exception>
    public static async ValueTask DemandSoundAsync(Image source, bool skipsBroken)
    {
        if (!source.Format.SupportsBitmaps)
            throw new CommandFailure("Source lacks bitmap support");
        if (source.Bitmaps == null)
            await source.LoadBitmapsAsync();
        if (skipsBroken || source.Bitmaps!.Reverse().FirstOrDefault(b => b.IsInconsistent) is not { } broken)
            return;
        throw new CommandFailure($"Cannot copy inconsistent bitmap '{broken.Name}'")
        {
            Hint = $"Try --skip-broken-bitmaps, or use 'qemu-img bitmap --remove {broken.Name}'\n",
        };
    }

    /// <summary>Makes the source's bitmaps in the target. They are stored with those that it has.</summary>
    /// <exception cref="CommandFailure">Why not.</exception>
    public static async ValueTask CopyAsync(ConvertWork work)
    {
        var target = work.Target;
        foreach (var source in work.Sources.Images[0].Bitmaps!.Reverse())
        {
            if (source.IsInconsistent)
            {
                work.Context.Warn($"Skipping inconsistent bitmap '{source.Name}'");
                continue;
            }

            var copy = Create(target, source);
            try
            {
                copy.Merge(source);
            }
            catch (BlockException e)
            {
                target.Bitmaps!.Remove(copy);
                await target.StoreBitmapsAsync();
                throw CommandFailure.Because($"Failed to populate bitmap {source.Name}: ", e);
            }
        }
    }

    private static DirtyBitmap Create(Image target, DirtyBitmap source)
    {
        try
        {
            return BitmapCommand.Add(target, source.Name!, source.Granularity, source.IsEnabled);
        }
        catch (BlockException e)
        {
            throw CommandFailure.Because($"Failed to create bitmap {source.Name}: ", e);
        }
    }
}
