using System.Globalization;

namespace BlockUring.Qmp.Hmp.Commands;

/// <summary>nbd_server_start, nbd_server_add, nbd_server_remove, nbd_server_stop.</summary>
internal static class NbdServerCommands
{
    /// <summary>All of them.</summary>
    public static IEnumerable<HmpCommand> All => [new Start(), new Add(), new Remove(), new Stop()];

    private sealed class Start() : HmpCommand(
        "nbd_server_start", "all:-a,writable:-w,uri:s", "[-a] [-w] host:port", "serve block devices on the given host and port")
    {
        public override async ValueTask RunAsync(HmpCall call)
        {
            if (call.Arguments.Has("writable") && !call.Arguments.Has("all"))
                throw new QmpException("-w only valid together with -a");
            // Why -a adds nothing: it means the devices of a guest, and there is none here.
            var uri = call.Arguments["uri"]!;
            var colon = uri.LastIndexOf(':');
            if (colon < 0 || !ushort.TryParse(uri[(colon + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out _))
                throw new QmpException($"error parsing address '{uri}'");
            await call.RunQmpAsync("nbd-server-start", ("addr", new[] { ("host", uri[..colon]), ("port", uri[(colon + 1)..]) }));
        }
    }

    private sealed class Add() : HmpCommand(
        "nbd_server_add", "writable:-w,device:B,name:s?", "[-w] device [name]", "export a block device via NBD")
    {
        public override async ValueTask RunAsync(HmpCall call) => await call.RunQmpAsync(
            "nbd-server-add",
            ("device", call.Arguments["device"]),
            ("name", call.Arguments["name"]),
            ("writable", call.Arguments.Has("writable")));
    }

    private sealed class Remove() : HmpCommand("nbd_server_remove", "force:-f,name:s", "[-f] name", "remove an export previously exposed via NBD")
    {
        public override async ValueTask RunAsync(HmpCall call) => await call.RunQmpAsync(
            "nbd-server-remove", ("name", call.Arguments["name"]), ("mode", call.Arguments.Has("force") ? "hard" : "safe"));
    }

    private sealed class Stop() : HmpCommand("nbd_server_stop", "", "", "stop serving block devices using the NBD protocol")
    {
        public override async ValueTask RunAsync(HmpCall call) => await call.RunQmpAsync("nbd-server-stop");
    }
}
