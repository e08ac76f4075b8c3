using BlockUring.Images;

namespace BlockUring.Jobs.Rebase;

/// <summary>One image in two chains; it, and what is below it, shows the same in both.</summary>
/// <param name="InOld">Where it is open as a layer of the old chain.</param>
/// <param name="InNew">Where it is open as a layer of the new chain.</param>
public sealed record CommonLayer(GuestDisk InOld, GuestDisk InNew)
{
    /// <summary>Finds the highest of such images.</summary>
    /// <param name="oldTop">The top of the old chain.</param>
    /// <param name="newTop">The top of the new chain.</param>
    /// <param name="areSame">Whether two paths lead to one file.</param>
    public static async ValueTask<CommonLayer?> FindAsync(Image? oldTop, Image? newTop, Func<string, string, bool> areSame)
    {
        var (inOld, inNew) = (LayersOf(oldTop), LayersOf(newTop));
        CommonLayer? found = null;
        for (var i = 1; i <= Math.Min(inOld.Count, inNew.Count); i++)
        {
            var (one, other) = (inOld[^i], inNew[^i]);
            if (one != other && !await AreOneAsync(one, other, areSame))
                break;
            found = new CommonLayer(one, other);
        }

        return found;
    }

    private static List<Image> LayersOf(Image? top)
    {
        var layers = new List<Image>();
        for (var layer = top; layer != null; layer = layer.Backing as Image)
            layers.Add(layer);
        return layers;
    }

    private static async ValueTask<bool> AreOneAsync(Image one, Image other, Func<string, string, bool> areSame) =>
        one.Format.Name == other.Format.Name
        && one.Length == other.Length
        && areSame(one.File.Path, other.File.Path)
        && await ShowTheSameAsync(one, other);

    // Options of opening may have named another window of a raw file, or another data file.
    private static async ValueTask<bool> ShowTheSameAsync(Image one, Image other)
    {
        if (one.Length == 0)
            return true;
        if (one.Format.ClusterLength > 0)
            return one.Format.CanHaveSnapshots;
        return (await one.Format.MapAsync(0, 1)).HostOffset == (await other.Format.MapAsync(0, 1)).HostOffset;
    }
}
