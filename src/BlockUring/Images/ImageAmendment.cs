namespace BlockUring.Images;

/// <summary>Changes options of an open image, its size among them; its bitmaps follow, or go where it cannot have any afterwards.</summary>
public static class ImageAmendment
{
    /// <summary>Makes the changes, durably. Nothing else runs.</summary>
    /// <param name="image">Open for writing.</param>
    /// <param name="options">Those of <see cref="ImageDriver.AmendOptions"/>, by name.</param>
    /// <param name="progress">Is told how much is done, in percent.</param>
    /// <param name="force">See <see cref="AmendRequest.Force"/>.</param>
    /// <exception cref="Storage.BlockException">Why not; what was changed before stays changed.</exception>
    public static async ValueTask RunAsync(Image image, IReadOnlyDictionary<string, string> options, Action<float> progress, bool force = false)
    {
        await image.Format.AmendAsync(new AmendRequest(options, length => ResizeAsync(image, length), progress) { Force = force });
        while (!image.Format.SupportsBitmaps && image.Bitmaps is { Count: > 0 } left)
            left.Remove(left[0]);
    }

    private static async ValueTask ResizeAsync(Image image, long newLength)
    {
        if (image.Bitmaps != null)
            image.Format.DemandBitmapsResizable(image.Bitmaps, newLength);
        await image.ResizeAsync(newLength);
        image.Bitmaps?.Truncate(newLength);
    }
}
