using BlockUring.Images;
using BlockUring.Storage;

namespace BlockUring.Cli.Img;

/// <summary>Which internal snapshot -l names.</summary>
/// <param name="Id">Its identifier.</param>
/// <param name="Name">Its name.</param>
/// <param name="IsEither">Whether <paramref name="Id"/> may be a name as well.</param>
internal sealed record SnapshotChoice(string? Id, string? Name, bool IsEither)
{
    private const string Prefix = "snapshot.";

    /// <summary>Parses `snapshot.id=ID,snapshot.name=NAME` or `ID_OR_NAME`.</summary>
    /// <exception cref="CommandFailure">An option that does not exist.</exception>
    public static SnapshotChoice Parse(string text)
    {
        if (!text.StartsWith(Prefix, StringComparison.Ordinal))
            return new SnapshotChoice(text, null, true);
        var options = OptionTree.ParseKeyValues(text);
        options.TryTake("snapshot.id", out var id);
        options.TryTake("snapshot.name", out var name);
        foreach (var unknown in options.Values.Keys)
            throw new CommandFailure($"Invalid parameter '{unknown}'\nFailed in parsing snapshot param '{text}'");
        return new SnapshotChoice(id, name, false);
    }

    /// <summary>Makes the image show the snapshot.</summary>
    /// <exception cref="CommandFailure">"Failed to load snapshot: reason".</exception>
    public async ValueTask LoadAsync(Image image)
    {
        try
        {
            await image.Format.LoadSnapshotAsync(Id, Name);
        }
        catch (BlockException e) when (IsEither && e.Kind is BlockErrorKind.NotFound or BlockErrorKind.Invalid)
        {
            await LoadByNameAsync(image);
        }
        catch (BlockException e)
        {
            throw CommandFailure.Because("Failed to load snapshot: ", e);
        }
    }

    private async ValueTask LoadByNameAsync(Image image)
    {
        try
        {
            await image.Format.LoadSnapshotAsync(null, Id);
        }
        catch (BlockException e)
        {
            throw CommandFailure.Because("Failed to load snapshot: ", e);
        }
    }
}
