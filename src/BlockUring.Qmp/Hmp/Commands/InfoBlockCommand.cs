using System.Text.Json;

namespace BlockUring.Qmp.Hmp.Commands;

/// <summary>info block.</summary>
internal sealed class InfoBlockCommand() : HmpCommand(
    "info block",
    "nodes:-n,verbose:-v,device:B?",
    "[-n] [-v] [device]",
    "show info of one block device or all block devices (-n: show named nodes; -v: show details)")
{
    /// <inheritdoc/>
    public override async ValueTask RunAsync(HmpCall call)
    {
        var (wanted, isVerbose) = (call.Arguments["device"], call.Arguments.Has("verbose"));
        if (!call.Arguments.Has("nodes"))
        {
            var isFirst = true;
            foreach (var device in (await call.RunQmpAsync("query-block")).EnumerateArray())
            {
                if (wanted != null && device.GetProperty("device").GetString() != wanted)
                    continue;
                PrintDevice(call, device, isVerbose, ref isFirst);
            }

            if (wanted == null || !isFirst)
                return;
        }

        var isFirstNode = true;
        foreach (var node in (await call.RunQmpAsync("query-named-block-nodes")).EnumerateArray())
        {
            if (wanted != null && node.GetProperty("node-name").GetString() != wanted)
                continue;
            PrintNode(call, TextOf(node, "node-name")!, node, isVerbose, ref isFirstNode);
        }
    }

    private static void PrintDevice(HmpCall call, JsonElement device, bool isVerbose, ref bool isFirst)
    {
        var name = TextOf(device, "device")!;
        if (!device.TryGetProperty("inserted", out var inserted))
        {
            call.Print($"{name}: [not inserted]");
            return;
        }

        var node = TextOf(inserted, "node-name");
        var title = name.Length == 0 ? node ?? "<anonymous>" : node == null ? name : $"{name} ({node})";
        PrintNode(call, title, inserted, isVerbose, ref isFirst);
    }

    private static void PrintNode(HmpCall call, string title, JsonElement node, bool isVerbose, ref bool isFirst)
    {
        if (!isFirst)
            call.Print("");
        isFirst = false;
        var readOnly = node.GetProperty("ro").GetBoolean() ? ", read-only" : "";
        call.Print($"{title}: {TextOf(node, "file")} ({TextOf(node, "drv")}{readOnly})");
        call.Print($"    Cache mode:       {CacheOf(node.GetProperty("cache"))}");
        if (TextOf(node, "backing_file") is { } backing)
            call.Print($"    Backing file:     {backing} (chain depth: {node.GetProperty("backing_file_depth")})");
        if (TextOf(node, "detect_zeroes") is { } detects and not "off")
            call.Print($"    Detect zeroes:    {detects}");
        if (isVerbose)
            PrintImages(call, node.GetProperty("image"));
    }

    private static string CacheOf(JsonElement cache) =>
        (cache.GetProperty("writeback").GetBoolean() ? "writeback" : "writethrough")
        + (cache.GetProperty("direct").GetBoolean() ? ", direct" : "")
        + (cache.GetProperty("no-flush").GetBoolean() ? ", ignore flushes" : "");

    private static void PrintImages(HmpCall call, JsonElement image)
    {
        call.Print("\nImages:");
        for (var hasMore = true; hasMore; hasMore = image.TryGetProperty("backing-image", out image))
        {
            call.Print($"image: {TextOf(image, "filename")}");
            call.Print($"file format: {TextOf(image, "format")}");
            var length = image.GetProperty("virtual-size").GetInt64();
            call.Print($"virtual size: {QemuIo.QemuIoReport.Size(length)} ({length} bytes)");
            if (image.TryGetProperty("actual-size", out var actual))
                call.Print($"disk size: {QemuIo.QemuIoReport.Size(actual.GetInt64())}");
            if (image.TryGetProperty("cluster-size", out var cluster))
                call.Print($"cluster_size: {cluster}");
            if (TextOf(image, "backing-filename") is { } backing)
                call.Print($"backing file: {backing}");
            if (TextOf(image, "backing-filename-format") is { } format)
                call.Print($"backing file format: {format}");
        }
    }

    private static string? TextOf(JsonElement value, string member) => value.TryGetProperty(member, out var text) ? text.GetString() : null;
}
