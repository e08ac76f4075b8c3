using BlockUring.Storage;

namespace BlockUring.Cli.Img;

/// <summary>`img map`: which runs of an image are where.</summary>
internal sealed class MapCommand : ConfiguredCommand<MapSettings>
{
    public override string Name => "map";

    public override string Summary => "Show where the content of an image is stored";

    protected override string OperandHelp => "FILENAME";

    protected override IReadOnlyList<ImgOption<MapSettings>> Options { get; } =
    [
        CommonOptions<MapSettings>.Help,
        CommonOptions<MapSettings>.Format,
        CommonOptions<MapSettings>.ImageOptions,
        new('s', "start-offset", "OFFSET", "first byte to show", (s, v) => s.Start = SizeArgument.Parse("start offset", v)),
        new('l', "max-length", "LENGTH", "bytes to show at most", (s, v) => s.MaxLength = SizeArgument.Parse("max length", v)),
        CommonOptions<MapSettings>.Output,
        CommonOptions<MapSettings>.ForceShare,
        CommonOptions<MapSettings>.Object,
    ];

    protected override int Run(ImgContext context, MapSettings settings, IReadOnlyList<string> operands)
    {
        if (operands.Count != 1)
            throw CommandFailure.Usage("Expecting one image file name");
        var json = settings.IsJson;
        return Session.Run(context, host => MapAsync(context, host, settings, operands[0], json));
    }

    private static async ValueTask<int> MapAsync(ImgContext context, FileHost host, MapSettings settings, string name, bool json)
    {
        await using var image = await ImageOpener.OpenAsync(context, host, name, ImageOpenRequest.ForReading(settings));
        context.Out.Write(json ? "[" : $"{"Offset",-16}{"Length",-16}{"Mapped to",-16}File\n");
        var end = image.Length;
        if (settings.MaxLength is { } maxLength)
            end = Math.Min(settings.Start + Math.Min(maxLength, long.MaxValue - settings.Start), end);

        var current = new MapEntry(settings.Start, 0, 0, false, false, false);
        while (current.Start + current.Length < end)
        {
            var next = await NextAsync(image, current.Start + current.Length, end);
            if (current.Continues(next))
            {
                current = current with { Length = current.Length + next.Length };
                continue;
            }

            if (current.Length > 0)
                next = Print(context, current, next, json);
            current = next;
        }

        Print(context, current, null, json);
        if (json)
            context.Out.Write("]\n");
        return 0;
    }

    private static async ValueTask<MapEntry> NextAsync(Images.Image image, long offset, long end)
    {
        try
        {
            return MapEntry.Of(offset, await image.GetStatusAsync(offset, end - offset));
        }
        catch (BlockException e)
        {
            throw CommandFailure.Because("Could not read file metadata: ", e);
        }
    }

    // Prints an entry and returns the one after it, for people with the kinds of zeroes made alike so that more of them join.
    private static MapEntry Print(ImgContext context, MapEntry entry, MapEntry? next, bool json)
    {
        if (json)
        {
            var offset = entry.HostOffset < 0 ? "" : $", \"offset\": {entry.HostOffset}";
            context.Out.Write(
                $"{{ \"start\": {entry.Start}, \"length\": {entry.Length}, \"depth\": {entry.Depth}, \"present\": {Word(entry.IsPresent)}, " +
                $"\"zero\": {Word(entry.IsZero)}, \"data\": {Word(entry.IsData)}{offset}}}{(next == null ? "" : ",\n")}");
            return next ?? entry;
        }

        if (entry.IsData && entry.HostOffset < 0)
            throw new CommandFailure("File contains external, encrypted or compressed clusters.");
        if (entry.IsData && !entry.IsZero)
            context.Out.Write($"{Hexadecimal(entry.Start)}{Hexadecimal(entry.Length)}{Hexadecimal(entry.HostOffset)}{entry.File}\n");
        if (next is not { } following)
            return entry;
        return following.IsData && !following.IsZero ? following : following with { IsData = false, IsZero = true };
    }

    private static string Word(bool value) => value ? "true" : "false";

    private static string Hexadecimal(long value) => (value == 0 ? "0" : $"0x{value:x}").PadRight(16);
}
