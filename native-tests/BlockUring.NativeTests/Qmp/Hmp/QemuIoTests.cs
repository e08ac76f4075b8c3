using System.Text.RegularExpressions;
using BlockUring.Graph;
using BlockUring.Images;
using BlockUring.NativeTests.Storage;
using BlockUring.NativeTests.Uring;
using BlockUring.Qmp;
using BlockUring.Storage;
using Xunit;

namespace BlockUring.NativeTests.Qmp.Hmp;

/// <summary>The same commands to qemu-io and to the human monitor's qemu-io: the same words, but for times, and the same images.</summary>
public sealed partial class QemuIoTests
{
    private static readonly string[] Refused =
    [
        "write", "write 0", "write 0 1 2", "write zork 1", "write 0 zork", "write -1 5", "write 0 -1", "write 0 3G", "write -x 0 1", "write -P zork 0 1",
        "write -P 256 0 1", "write -P", "write -P 0 0 1 -P", "write -z -P 3 0 1", "write -u 0 1", "write -n 0 1", "write 10M 512", "write 4095k 2k",
        "write -c 0 100", "write -c 100 512", "write -fc 0 64k", "write -bz 0 1", "write 9E 9E", "write 99E 1", "read 10M 512", "read -l 5 0 100",
        "read -s 5 0 100", "read -P 5 -s 300 0 100", "read -P 0 -l 200 0 100", "discard 0 8M", "discard zork 1", "discard 0",
        "flush 1", "alloc zork", "alloc", "alloc 1 2 3", "sleep zork", "sleep", "zork", "truncate zork", "truncate", "aio_write", "aio_write -z 0 1 2",
        "write -s gone 0 512", "write -s EMPTY 0 512", "write -s . 0 512", "write -s", "write -s PATTERN -P 1 0 512", "write -z -s PATTERN 0 512",
        "info 1", "truncate -m zork 5M", "truncate -x 5M", "truncate 1 2 3 4", "truncate -m full 1M",
        "aio_write -u 0 1", "aio_read zork 1", "write \"0\" 512", "length 1", "map 1", "aio_write -i 0 512", "aio_read -i 0 512",
    ];

    private static readonly string[] Done =
    [
        "write 0 64k", "write -P 5 0 1000", "read -v 0 40", "read -vP 5 990 20", "read -P 5 -s 3 -l 4 0 100", "read -P 205 1000 512", "read -C 0 64k",
        "write -q 0 1", "write -qP 0x41 100 3", "read -v 98 7", "write -P 010 0 16", "read -v 0 17", "write -z 64k 64k", "write -zu 128k 4k",
        "write -f 0 1k", "write -C 0 1k", "w 0x200 0x200", "r 1.5k 1k", "write 7 7", "read 0 0", "write 0 0", "write -z 0 0",
        "write -p 0 512", "write -- 0 512", "write 0 -q 512", "write -qP1 0 512", "discard 0 64k", "discard -C 0 64k", "discard -q 0 1k", "flush", "f",
        "length", "l", "alloc 0", "alloc 0 1M", "alloc 512k 64k", "alloc 8M", "map", "sleep 1", "readv 0 512 512", "writev -P 1 0 512 512",
        "write -P 9 1M 1500k", "read -P 9 1M 1500k", "read -P 8 1M 1500k", "read 0 1000000", "read -P 0x10 0 512", "truncate 5M", "length",
        "write -P 3 4M 1M", "truncate 4M", "map", "info", "i", "write -s PATTERN 0 100000", "read -v 99990 10", "write -s PATTERN 7 5", "read -v 0 20",
        "truncate -m off 5M 6M", "length", "truncate 4M", "write -s PATTERN 1M 2500000", "read -v 3M 10",
    ];

    private static readonly string[] OfRaw = ["truncate -m metadata 6M", "truncate -m falloc 5M", "truncate -m full 6M", "map", "write -c 0 64k", "read -b 0 512", "write -zn 0 4k"];
    private static readonly string[] OfQcow2 = ["write -c -s PATTERN 512k 128k", "read -v 600000 8", "write -cP 7 192k 128k", "read -P 7 192k 128k", "write -c 1k 64k", "write -z 64k 64k", "map"];

    [Theory]
    [InlineData("raw")]
    [InlineData("qcow2")]
    public void The_monitor_says_and_does_what_qemu_io_does(string format)
    {
        Tool.Demand("qemu-io");
        using var folder = new TempFolder();
        var (theirs, ours) = (folder["theirs"], folder["ours"]);
        Tool.Run("qemu-img", "create", "-q", "-f", format, theirs, "4M");
        File.Copy(theirs, ours);
        File.WriteAllText(folder["pattern"], "a pattern");
        File.WriteAllText(folder["empty"], "");
        var commands = ((string[])[.. Refused, .. Done, .. format == "qcow2" ? OfQcow2 : OfRaw]).Select(c => c
            .Replace("PATTERN", folder["pattern"], StringComparison.Ordinal).Replace("EMPTY", folder["empty"], StringComparison.Ordinal)).ToArray();
        var expected = commands.Select(c => $"{c}\n{Mask(RunPeer("-f", format, "-d", "unmap", "-c", c, theirs))}").ToArray();
        string[] actual = [];

        RingHost.Run(async thread =>
        {
            var context = new MonitorContext(thread, new LinuxFileHost(thread));
            await GraphOpener.AddAsync(
                context.Graph, OptionTree.ParseKeyValues($"driver={format},node-name=d,discard=unmap,file.driver=file,file.filename={ours},file.discard=unmap"));
            var said = new List<string>();
            foreach (var command in commands)
            {
                var quoted = command.Replace("\"", "\\\"", StringComparison.Ordinal);
                said.Add($"{command}\n{Mask(await context.HumanMonitor.RunAsync($"qemu-io d \"{quoted}\""))}");
            }

            actual = [.. said];
            await GraphOpener.DeleteAsync(context.Graph, "d");
        });

        Assert.Equal("", string.Join('\n', expected.Zip(actual).Where(p => p.First != p.Second).Select(p => $"--- {p.First}+++ {p.Second}")));
        Tool.Run("qemu-img", "compare", "-f", format, "-F", format, theirs, ours);
        if (format == "qcow2")
            Tool.Run("qemu-img", "check", "-q", ours);
    }

    // One stream for all: some of what is wrong goes to the other one.
    private static string RunPeer(params string[] arguments) =>
        Tool.TryRun("sh", ["-c", "exec qemu-io \"$@\" 2>&1", "sh", .. arguments]).Output;

    private static string Mask(string text) => Machine().Replace(Times().Replace(Name().Replace(text.Replace("\r\n", "\n", StringComparison.Ordinal), ""), "TIME"), "$1,TIME");

    [GeneratedRegex(@"(\d+:\d\d:\d\d\.\d\d|\d\d\.\d\d sec) \(.* ops/sec\)")]
    private static partial Regex Times();

    // What a monitor says has no name of a program in front.
    [GeneratedRegex("^qemu-io: ", RegexOptions.Multiline)]
    private static partial Regex Name();

    [GeneratedRegex(@"^(\d+,\d+),\d+:.*$", RegexOptions.Multiline)]
    private static partial Regex Machine();
}
