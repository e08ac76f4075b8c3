using System.Text.Json;
using BlockUring.NativeTests.Storage;
using Xunit;

namespace BlockUring.NativeTests.Graph;

/// <summary>What reads leave behind in the top image, here and in qemu-io.</summary>
public sealed class CopyOnReadOracleTests : IDisposable
{
    private const int Length = 2 << 20;

    private readonly TempFolder folder = new();

    public CopyOnReadOracleTests() => Tool.Demand("qemu-io");

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData(1, false)]
    [InlineData(2, false)]
    [InlineData(3, true)]
    [InlineData(4, true)]
    public void TheTopImageHoldsTheSameAfterwards(int seed, bool hasBottom)
    {
        var random = new Random(seed);
        Make("base", null, Length, random);

        // Why not shorter with a bottom: qemu-io ends the read where such a layer ends, and leaves what it hides to be seen.
        Make("mid", "base", hasBottom ? Length : Length / 2 + 512 * random.Next(1000), random);
        Make("theirs", "mid", Length, random);
        File.Copy(folder["theirs"], folder["ours"]);
        File.Copy(folder["theirs"], folder["before"]);
        var reads = Enumerable.Range(0, 6).Select(_ => Range(random, Length)).ToArray();
        var bottom = hasBottom ? ",bottom=m" : "";
        var options = $"driver=copy-on-read{bottom},file.driver=qcow2,file.backing.node-name=m,file.file.driver=file,file.file.filename=";
        Tool.Run(
            "qemu-io",
            ["--image-opts", options + folder["theirs"], .. reads.SelectMany(r => (string[])["-c", $"read {r.Offset} {r.Length}"])]);
        GraphRun.Run(async graph =>
        {
            var node = await graph.AddAsync("node-name=c," + options + folder["ours"]);
            foreach (var (offset, length) in reads)
            {
                using var buffer = node.Buffers.Rent(length);
                await node.ReadAsync(offset, buffer.Memory.Slice(0, length));
            }
        });
        Assert.Equal(Map("theirs"), Map("ours"));
        Tool.Run("qemu-img", "compare", folder["before"], folder["ours"]);
        Tool.Run("qemu-img", "check", "-q", folder["ours"]);
    }

    private static (long Offset, int Length) Range(Random random, long end)
    {
        var offset = random.NextInt64(end / 512) * 512;
        return (offset, (int)Math.Min(end - offset, 512 * (1 + random.Next(600))));
    }

    private void Make(string name, string? backing, long length, Random random)
    {
        string[] over = backing == null ? [] : ["-b", folder[backing], "-F", "qcow2"];
        Tool.Run("qemu-img", ["create", "-q", "-f", "qcow2", .. over, folder[name], $"{length}"]);
        var writes = Enumerable.Range(1, 4).Select(i => (Pattern: i, Range: Range(random, length)));
        Tool.Run(
            "qemu-io",
            [folder[name], .. writes.SelectMany(w => (string[])["-c", $"write -P {w.Pattern} {w.Range.Offset} {w.Range.Length}"])]);
    }

    // The runs that the top image holds. Whether zeroes among them are stored as such depends on how reads are cut.
    private string Map(string name)
    {
        using var map = JsonDocument.Parse(Tool.Run("qemu-img", "map", "--output=json", folder[name]));
        var runs = new List<(long Start, long Length)>();
        foreach (var run in map.RootElement.EnumerateArray().Where(r => r.GetProperty("depth").GetInt32() == 0))
        {
            var (start, length) = (run.GetProperty("start").GetInt64(), run.GetProperty("length").GetInt64());
            if (runs.Count > 0 && runs[^1].Start + runs[^1].Length == start)
                runs[^1] = (runs[^1].Start, runs[^1].Length + length);
            else
                runs.Add((start, length));
        }

        return string.Join('\n', runs);
    }
}
