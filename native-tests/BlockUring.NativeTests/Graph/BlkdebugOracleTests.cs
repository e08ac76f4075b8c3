using BlockUring.Graph;
using BlockUring.Native.Interop;
using BlockUring.NativeTests.Storage;
using BlockUring.Storage;
using Xunit;

namespace BlockUring.NativeTests.Graph;

/// <summary>Requests that blkdebug lets fail, here and in qemu-io, by the same options.</summary>
public sealed class BlkdebugOracleTests : IDisposable
{
    private const string Bare = "driver=blkdebug,discard=unmap,image.driver=file,image.filename=IMAGE";
    private const string UnderRaw = "driver=raw,discard=unmap,file.driver=blkdebug,file.image.driver=file,file.image.filename=IMAGE";
    private const string UnderQcow2 = "driver=qcow2,discard=unmap,file.driver=blkdebug,file.image.driver=file,file.image.filename=IMAGE";

    private readonly TempFolder folder = new();

    public BlkdebugOracleTests() => Tool.Demand("qemu-io");

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData(Bare, "", "read 0 4k|write 0 4k|write -z 0 4k|discard 0 4k")]
    [InlineData(Bare, "event=none", "read 0 4k|write 0 4k|write -z 0 4k|discard 0 4k")]
    [InlineData(Bare, "event=none,once=on", "read 0 4k|read 0 4k|write 0 4k")]
    [InlineData(Bare, "event=none,iotype=write,errno=28", "read 0 4k|write 0 4k|write -z 0 4k|discard 0 4k")]
    [InlineData(Bare, "event=none,iotype=discard,errno=1", "read 0 4k|write 0 4k|discard 0 4k")]
    [InlineData(Bare, "event=none,sector=8,errno=30", "read 0 4k|read 4k 512|read 0 8k|write 4000 200|write 8k 4k")]
    [InlineData(Bare, "event=read_aio", "read 0 4k|write 0 4k|read 0 4k")]
    [InlineData(Bare, "event=pwritev,once=on", "read 0 4k|write 0 4k|write 0 4k")]
    [InlineData(Bare, "event=pwritev_done", "write 0 4k|read 0 4k|write 0 4k")]
    [InlineData(Bare, "event=pwritev_zero,errno=28", "write 0 4k|write -z 0 4k|write 0 4k")]
    [InlineData(UnderRaw, "event=read_aio,once=on", "write 0 4k|read 0 4k|read 0 4k")]
    [InlineData(UnderRaw, "event=write_aio,iotype=read", "read 0 4k|write 0 4k|read 0 4k")]
    [InlineData(UnderQcow2, "event=write_aio,once=on,errno=28", "read 0 4k|write 0 64k|write 0 64k|read 0 64k")]
    [InlineData(UnderQcow2, "event=read_aio,once=on", "write 0 64k|read 0 64k|read 0 64k")]
    public void TheSameRequestsFail(string image, string rule, string commands)
    {
        var prefix = image == Bare ? "inject-error.0." : "file.inject-error.0.";
        var options = string.Concat(rule.Split(',', StringSplitOptions.RemoveEmptyEntries).Select(r => $",{prefix}{r}"));
        Assert.Equal(Theirs(image + options, commands), Ours(image + options, commands));
    }

    [Theory]
    [InlineData("align=4096")]
    [InlineData("align=65536,max-transfer=65536")]
    [InlineData("max-transfer=4096,opt-write-zero=65536,max-write-zero=131072")]
    public void LimitsChangeNoContent(string limits)
    {
        const string Commands = "write -P 1 0 1M|write -P 2 100 70000|write -z 200000 200001|write -P 3 1048000 576|read 1000 12345";
        Assert.Equal(Theirs($"{Bare},{limits}", Commands), Ours($"{Bare},{limits}", Commands));
        Tool.Run("cmp", folder["theirs"], folder["ours"]);
    }

    private string Theirs(string options, string commands)
    {
        var (_, output) = Tool.TryRun(
            "qemu-io", ["--image-opts", Make("theirs", options), .. commands.Split('|').SelectMany(c => (string[])["-c", c])]);
        return string.Join('\n', output.Split('\n').Where(l => l.Contains(" failed") || l.Contains("bytes at")));
    }

    private string Ours(string options, string commands)
    {
        var lines = new List<string>();
        var opened = Make("ours", options);
        GraphRun.Run(async graph =>
        {
            var node = await graph.AddAsync("node-name=n," + opened);
            foreach (var command in commands.Split('|'))
                lines.Add(await RunAsync(node, command.Split(' ')));
        });
        return string.Join('\n', lines);
    }

    private string Make(string name, string options)
    {
        var format = options.StartsWith("driver=qcow2", StringComparison.Ordinal) ? "qcow2" : "raw";
        Tool.Run("qemu-img", "create", "-q", "-f", format, folder[name], "1M");
        return options.Replace("IMAGE", folder[name]);
    }

    private static async Task<string> RunAsync(BlockNode node, string[] command)
    {
        var offset = Parse(command[^2]);
        var length = (int)Parse(command[^1]);
        using var buffer = node.Buffers.Rent(length);
        buffer.Span.Fill(command[1] == "-P" ? byte.Parse(command[2]) : (byte)0xcd);
        try
        {
            await (command[0] switch
            {
                "read" => node.ReadAsync(offset, buffer.Memory.Slice(0, length)),
                "discard" => node.DiscardAsync(offset, length),
                _ when command[1] == "-z" => node.WriteZeroesAsync(offset, length),
                _ => node.WriteAsync(offset, buffer.Memory.Slice(0, length)),
            });
        }
        catch (BlockException e)
        {
            return $"{command[0]} failed: {Errno.Message(e.ErrorNumber)}";
        }

        return $"{(command[0] == "write" ? "wrote" : command[0])} {length}/{length} bytes at offset {offset}";
    }

    private static long Parse(string text) => text[^1] switch
    {
        'k' => long.Parse(text[..^1]) << 10,
        'M' => long.Parse(text[..^1]) << 20,
        _ => long.Parse(text),
    };
}
