using BlockUring.Bitmaps;
using BlockUring.NativeTests.Images;
using BlockUring.Storage;
using Xunit;

namespace BlockUring.NativeTests.Bitmaps;

/// <summary>Bits, counts and words are those of qemu-storage-daemon's dirty bitmaps.</summary>
public sealed class BitmapOracleTests
{
    [Theory]
    [InlineData(1, 1 << 20, 512)]
    [InlineData(2, 1000 * 512, 65536)]
    [InlineData(3, 300 << 20, 4096)]
    [InlineData(4, 65 * 512, 512)]
    [InlineData(5, 3L << 40, 65536)]
    public async Task The_same_writes_make_the_same_bits(int seed, long length, int granularity)
    {
        using var folder = new TempFolder();
        await using var daemon = await StorageDaemon.StartAsync();
        var socket = folder["nbd"];
        await daemon.DemandAsync($$$"""{"execute":"blockdev-add","arguments":{"driver":"null-co","node-name":"n","size":{{{length}}}}}""");
        await daemon.DemandAsync(Command("add", $"\"name\":\"x\",\"granularity\":{granularity}"));
        await daemon.DemandAsync(Command("add", "\"name\":\"fine\",\"granularity\":512"));
        await daemon.DemandAsync(Command("add", "\"name\":\"coarse\",\"granularity\":1048576,\"disabled\":true"));
        await daemon.DemandAsync(
            $$$"""{"execute":"nbd-server-start","arguments":{"addr":{"type":"unix","data":{"path":"{{{socket}}}"} } } }""");
        await daemon.DemandAsync(
            """{"execute":"block-export-add","arguments":{"type":"nbd","id":"e","node-name":"n","name":"n","writable":true}}""");

        var list = new DirtyBitmapList { new("x", length, granularity), new("fine", length, 512), new("coarse", length, 1 << 20) };
        list.Get("coarse").Disable();
        var random = new Random(seed);
        var commands = new List<string> { "-f", "raw" };
        for (var i = 0; i < 60; i++)
        {
            var offset = random.NextInt64(length) & -512;
            var count = Math.Min(length - offset, 512 * random.NextInt64(1, 300));
            commands.AddRange(["-c", $"write -z {offset} {count}"]);
            list.MarkWritten(offset, count);
        }

        await Tool.RunAsync("qemu-io", [.. commands, $"nbd+unix:///n?socket={socket}"]);
        await AssertSameAsync(daemon, list);

        await daemon.DemandAsync(Command("merge", "\"target\":\"coarse\",\"bitmaps\":[\"fine\"]"));
        list.Get("coarse").Merge(list.Get("fine"));
        await AssertSameAsync(daemon, list);
        await daemon.DemandAsync(Command("clear", "\"name\":\"fine\""));
        list.Get("fine").Clear();
        await daemon.DemandAsync(Command("merge", "\"target\":\"fine\",\"bitmaps\":[\"coarse\"]"));
        list.Get("fine").Merge(list.Get("coarse"));
        await AssertSameAsync(daemon, list);
    }

    [Theory]
    [InlineData("add", "\"name\":\"\"", "Create:")]
    [InlineData("add", "\"name\":\"x\"", "Create:x")]
    [InlineData("add", "\"name\":\"y\",\"granularity\":1000", "Create:y:1000")]
    [InlineData("add", "\"name\":\"y\",\"granularity\":256", "Create:y:256")]
    [InlineData("remove", "\"name\":\"y\"", "Get:y")]
    [InlineData("clear", "\"name\":\"y\"", "Get:y")]
    [InlineData("merge", "\"target\":\"x\",\"bitmaps\":[{\"node\":\"m\",\"name\":\"z\"}]", "Merge")]
    public async Task Refusals_have_the_same_words(string command, string arguments, string ours)
    {
        await using var daemon = await StorageDaemon.StartAsync();
        await daemon.DemandAsync("""{"execute":"blockdev-add","arguments":{"driver":"null-co","node-name":"n","size":1048576}}""");
        await daemon.DemandAsync("""{"execute":"blockdev-add","arguments":{"driver":"null-co","node-name":"m","size":2097152}}""");
        await daemon.DemandAsync(Command("add", "\"name\":\"x\""));
        await daemon.DemandAsync(Command("add", "\"name\":\"z\"").Replace("\"n\"", "\"m\"", StringComparison.Ordinal));
        var (_, theirs) = await daemon.RunAsync(Command(command, arguments));

        var list = new DirtyBitmapList { new("x", 1 << 20, 65536) };
        var words = ours.Split(':');
        var error = Assert.Throws<BlockException>(() =>
        {
            if (words[0] == "Create")
                list.Create(words[1], 1 << 20, words.Length > 2 ? long.Parse(words[2], System.Globalization.CultureInfo.InvariantCulture) : 65536);
            else if (words[0] == "Get")
                list.Get(words[1]);
            else
                list[0].Merge(new DirtyBitmap("z", 2 << 20, 65536));
        });
        Assert.Equal(theirs, error.Message);
    }

    private static async Task AssertSameAsync(StorageDaemon daemon, DirtyBitmapList list)
    {
        var nodes = await daemon.DemandAsync("""{"execute":"query-named-block-nodes"}""");
        var node = nodes.EnumerateArray().Single(n => n.GetProperty("node-name").GetString() == "n");
        var theirs = node.GetProperty("dirty-bitmaps").EnumerateArray().Select(b => (
            b.GetProperty("name").GetString(),
            b.GetProperty("count").GetInt64(),
            b.GetProperty("granularity").GetInt64(),
            b.GetProperty("recording").GetBoolean()));
        Assert.Equal(theirs, list.Reverse().Select(b => (b.Name, b.Count, (long)b.Granularity, b.IsRecording)));
        foreach (var bitmap in list)
        {
            var answer = await daemon.DemandAsync(
                $$$"""{"execute":"x-debug-block-dirty-bitmap-sha256","arguments":{"node":"n","name":"{{{bitmap.Name}}}"}}""");
            Assert.Equal(answer.GetProperty("sha256").GetString(), bitmap.Sha256Hex);
        }
    }

    private static string Command(string name, string arguments) =>
        $$$"""{"execute":"block-dirty-bitmap-{{{name}}}","arguments":{"node":"n",{{{arguments}}}}}""";
}
