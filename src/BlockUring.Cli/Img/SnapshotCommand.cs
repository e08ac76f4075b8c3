using BlockUring.Images;
using BlockUring.Native.Interop;
using BlockUring.Storage;

namespace BlockUring.Cli.Img;

/// <summary>`img snapshot`: lists, makes, deletes internal snapshots, and goes back to them.</summary>
internal sealed class SnapshotCommand : ConfiguredCommand<SnapshotSettings>
{
    public override string Name => "snapshot";

    public override string Summary => "List, make, apply or delete the internal snapshots of an image";

    protected override string OperandHelp => "FILENAME";

    protected override IReadOnlyList<ImgOption<SnapshotSettings>> Options { get; } =
    [
        CommonOptions<SnapshotSettings>.Help,
        new('l', "list", null, "list them (what is done when nothing else is asked for)", (s, _) => s.SetAction('l', "")),
        new('c', "create", "NAME", "make one", (s, v) => s.SetAction('c', v)),
        new('a', "apply", "SNAPSHOT", "go back to one, by identifier or name", (s, v) => s.SetAction('a', v)),
        new('d', "delete", "NAME", "delete one", (s, v) => s.SetAction('d', v)),
        CommonOptions<SnapshotSettings>.Format,
        CommonOptions<SnapshotSettings>.ImageOptions,
        CommonOptions<SnapshotSettings>.ForceShare,
        CommonOptions<SnapshotSettings>.Quiet,
        CommonOptions<SnapshotSettings>.Object,
    ];

    protected override int Run(ImgContext context, SnapshotSettings settings, IReadOnlyList<string> operands)
    {
        if (operands.Count != 1)
            throw CommandFailure.Usage("Expecting one image file name");
        var name = operands[0];
        var lists = settings.Action is null or 'l';
        if (settings.ForceShare && !lists)
            throw new CommandFailure($"Could not open '{name}': force-share=on can only be used with read-only images");
        var open = new ImageOpenRequest(settings.Format, settings.ImageOptions, new FileOpenOptions(lists, ForceShare: settings.ForceShare))
        {
            MetadataOnly = true,
        };
        return Session.Run(context, async host =>
        {
            await using var image = await ImageOpener.OpenAsync(context, host, name, open);
            if (lists)
                context.Out.Write(ImageInfoText.Snapshots(image.Format.Describe().Snapshots));
            else
                await ChangeAsync(context, image, settings.Action!.Value, settings.Snapshot);
            return 0;
        });
    }

    private static async ValueTask ChangeAsync(ImgContext context, Image image, char action, string name)
    {
        try
        {
            switch (action)
            {
                case 'c':
                    await CreateAsync(context, image, name);
                    break;
                case 'a':
                    await ApplyAsync(image, name);
                    break;
                default:
                    await DeleteAsync(image, name);
                    break;
            }
        }
        finally
        {
            await image.StoreBitmapsAsync();
        }
    }

    private static async ValueTask CreateAsync(ImgContext context, Image image, string name)
    {
        try
        {
            // Why 0: that is the instruction count that qemu-img 7.2 writes.
            await image.Format.CreateSnapshotAsync(name, context.Time.GetUtcNow(), 0);
        }
        catch (BlockException e)
        {
            throw new CommandFailure($"Could not create snapshot '{name}': -{e.ErrorNumber} ({Errno.Message(e.ErrorNumber)})");
        }
    }

    private static async ValueTask ApplyAsync(Image image, string name)
    {
        try
        {
            if (image.Bitmaps!.Count > 0)
                throw new CommandFailure($"Could not apply snapshot '{name}': Device has active dirty bitmaps");
            var isId = image.Format.Describe().Snapshots.Any(s => s.Id == name);
            await image.Format.ApplySnapshotAsync(isId ? name : null, isId ? null : name);
        }
        catch (BlockException e)
        {
            throw new CommandFailure(image.Format.SupportsSnapshots
                ? $"Could not apply snapshot '{name}': Failed to load snapshot: {Errno.Message(e.ErrorNumber)}"
                : $"Could not apply snapshot '{name}': {e.Message}");
        }
    }

    private static async ValueTask DeleteAsync(Image image, string name)
    {
        try
        {
            var found = image.Format.Describe().Snapshots.FirstOrDefault(s => s.Name == name)
                ?? throw new CommandFailure($"Could not delete snapshot '{name}': snapshot not found");
            await image.Format.DeleteSnapshotAsync(found.Id, found.Name);
        }
        catch (BlockException e)
        {
            throw new CommandFailure($"Could not delete snapshot '{name}': {e.Message}");
        }
    }
}
