using System.Text.Json;
using BlockUring.NativeTests.Images;
using Xunit;

namespace BlockUring.NativeTests.Img;

/// <summary>A folder, images and judgements for tests of `img convert`.</summary>
public abstract class ConvertTestBase : IDisposable
{
    private readonly TempFolder folder = new();

    internal TempFolder Folder => folder;

    public void Dispose()
    {
        folder.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>The guest sees the same in both; a longer target has zeroes behind.</summary>
    internal static async Task AssertSameAsync(string source, string sourceFormat, string target, string targetFormat)
    {
        var (exitCode, output, error) = await Tool.TryRunAsync("qemu-img", "compare", "-f", sourceFormat, "-F", targetFormat, source, target);
        Assert.True(exitCode == 0, $"compare {source} {target}: {exitCode} {output}{error}");
    }

    /// <summary>No errors, no leaks, and the header reads as asked.</summary>
    internal static async Task AssertCleanAsync(string path)
    {
        var (exitCode, output, error) = await Tool.TryRunAsync("qemu-img", "check", "-f", "qcow2", path);
        Assert.True(exitCode == 0, $"check {path}: {exitCode} {output}{error}");
        using var info = JsonDocument.Parse(await Tool.RunAsync("qemu-img", "info", "-f", "qcow2", "--output=json", path));
        Assert.False(info.RootElement.GetProperty("dirty-flag").GetBoolean());
        if (info.RootElement.GetProperty("format-specific").GetProperty("data").TryGetProperty("corrupt", out var corrupt))
            Assert.False(corrupt.GetBoolean());
    }

    internal async Task<string> MakeAsync(string name, string format, string size, params string[] ioCommands)
    {
        var path = folder[name];
        await Tool.RunAsync("qemu-img", "create", "-q", "-f", format, path, size);
        await IoAsync(path, format, ioCommands);
        return path;
    }

    internal static async Task IoAsync(string path, string format, params string[] commands)
    {
        if (commands.Length > 0)
            await Tool.RunAsync("qemu-io", ["-f", format, "-d", "unmap", .. commands.SelectMany(c => (string[])["-c", c]), path]);
    }
}
