namespace BlockUring.Images;

/// <summary>Rules for file names inside images: relative ones count from the directory of the image that names them.</summary>
public static class ImagePath
{
    /// <summary>Whether a name starts with a protocol ("nbd:", "json:"), which is never resolved against a directory.</summary>
    public static bool HasProtocol(string name)
    {
        var end = name.AsSpan().IndexOfAny(':', '/');
        return end >= 0 && name[end] == ':';
    }

    /// <summary>The name to open for <paramref name="name"/> as found inside the image <paramref name="namedBy"/>.</summary>
    public static string Combine(string namedBy, string name)
    {
        if (name.StartsWith('/') || HasProtocol(name))
            return name;
        var start = HasProtocol(namedBy) ? namedBy.IndexOf(':') + 1 : 0;
        var slash = namedBy.LastIndexOf('/');
        return slash < start ? namedBy[..start] + name : namedBy[..(slash + 1)] + name;
    }
}
