using BlockUring.Images;
using BlockUring.Storage;

namespace BlockUring.Cli.Img;

/// <summary>Formats and targets by name, with qemu-img's messages for those that do not exist.</summary>
internal static class FormatChoice
{
    /// <summary>The format of that name.</summary>
    /// <param name="name">As given.</param>
    /// <param name="prefix">Before the message.</param>
    /// <exception cref="CommandFailure">"Unknown file format 'X'".</exception>
    public static ImageDriver Demand(string name, string prefix = "") =>
        ImageFormats.Find(name) ?? throw new CommandFailure($"{prefix}Unknown file format '{name}'");

    /// <summary>The path of a target: the name, without "file:".</summary>
    /// <exception cref="CommandFailure">"Unknown protocol 'X'".</exception>
    public static string DemandFile(string name, string prefix = "")
    {
        try
        {
            return ImageOpener.DemandFile(name) is ['f', 'i', 'l', 'e', ':', .. var path] ? path : name;
        }
        catch (BlockException e)
        {
            throw CommandFailure.Because(prefix, e);
        }
    }
}
