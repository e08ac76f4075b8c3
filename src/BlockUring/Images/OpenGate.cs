using BlockUring.Storage;

namespace BlockUring.Images;

/// <summary>
/// Decides which files an image may pull in by naming them (backing files, external data files). An image is data from somebody else;
/// what it names is opened only through here.
/// </summary>
public sealed class OpenGate
{
    private readonly Func<string, string, bool> allows;

    private OpenGate(Func<string, string, bool> allows) => this.allows = allows;

    /// <summary>Everything may be opened, as in qemu-img.</summary>
    public static OpenGate AllowAll { get; } = new((_, _) => true);

    /// <summary>Nothing named inside an image may be opened.</summary>
    public static OpenGate DenyAll { get; } = new((_, _) => false);

    /// <summary>A gate that asks <paramref name="allows"/>(path of the file named, path of the image naming it).</summary>
    public static OpenGate Where(Func<string, string, bool> allows) => new(allows);

    /// <summary>
    /// Only files in some directories, or below them, may be opened, wherever symbolic links lead; no name with a protocol other than "file:" is one of those.
    /// </summary>
    /// <param name="directories">As the user names them; at least one.</param>
    public static OpenGate Within(IEnumerable<string> directories)
    {
        var roots = directories.Select(d => RealPath.Of(d).TrimEnd('/') + "/").ToArray();
        return new((path, _) =>
        {
            var name = path.StartsWith("file:", StringComparison.Ordinal) ? path[5..] : path;
            return !(name == path && ImagePath.HasProtocol(name)) && IsBelow(RealPath.Of(name), roots);
        });
    }

    /// <summary>Throws unless <paramref name="path"/>, named inside the image <paramref name="namedBy"/>, may be opened.</summary>
    public void Demand(string path, string namedBy)
    {
        if (!allows(path, namedBy))
            throw new BlockException(BlockErrorKind.Access, $"Image '{namedBy}' names '{path}', which the policy in force does not allow to be opened");
    }

    private static bool IsBelow(string path, string[] roots) => roots.Any(r => path.StartsWith(r, StringComparison.Ordinal));
}
