using BlockUring.Images.Luks;
using BlockUring.Images.Qcow2;
using BlockUring.Images.Raw;

namespace BlockUring.Images;

/// <summary>The one list of formats.</summary>
public static class ImageFormats
{
    /// <summary>Bytes of the file's head that probing looks at.</summary>
    public const int ProbeLength = 2048;

    /// <summary>All formats.</summary>
    public static IReadOnlyList<ImageDriver> All { get; } =
    [
        new RawDriver(),
        new Qcow2Driver(),
        new LuksDriver(),
    ];

    /// <summary>The format of that name, or null.</summary>
    public static ImageDriver? Find(string name)
    {
        foreach (var driver in All)
        {
            if (driver.Name == name)
                return driver;
        }

        return null;
    }

    /// <summary>The format that a file's head looks most like; raw when it looks like nothing.</summary>
    public static ImageDriver Probe(ReadOnlySpan<byte> head)
    {
        var best = All[0];
        var bestScore = 0;
        foreach (var driver in All)
        {
            var score = driver.Probe(head);
            if (score > bestScore)
                (best, bestScore) = (driver, score);
        }

        return best;
    }
}
