using System.Diagnostics;
using BlockUring.NativeTests.Images;
using Xunit;

namespace BlockUring.NativeTests.Img;

/// <summary>Runs our program as a process of its own: the binary that BLOCKURING names, else the build beside the tests.</summary>
internal static class Program
{
    private static readonly string? Binary = Environment.GetEnvironmentVariable("BLOCKURING");

    /// <summary>Runs `img` with arguments that must succeed.</summary>
    public static async Task ImgAsync(params string[] arguments)
    {
        var (exitCode, output, error) = await TryImgAsync(arguments);
        Assert.True(exitCode == 0, $"img {string.Join(' ', arguments)}: exit code {exitCode}\n{output}{error}");
    }

    /// <summary>Runs `img` with arguments that must fail, with exit code 1 and one clear message; returns that.</summary>
    public static async Task<string> FailAsync(params string[] arguments)
    {
        var (exitCode, output, error) = await TryImgAsync(arguments);
        Assert.True(exitCode == 1, $"img {string.Join(' ', arguments)}: exit code {exitCode}\n{output}{error}");
        Assert.StartsWith("blockuring: ", error);
        Assert.DoesNotContain("Unhandled", error);
        Assert.DoesNotContain("   at ", error);
        return error;
    }

    /// <summary>Runs `img`.</summary>
    public static Task<(int ExitCode, string Output, string Error)> TryImgAsync(params string[] arguments)
    {
        var start = StartInfo(arguments);
        return Tool.TryRunAsync(start.FileName, [.. start.ArgumentList]);
    }

    /// <summary>Runs another command, with arguments that must succeed.</summary>
    public static async Task RunAsync(params string[] arguments)
    {
        var start = StartInfo([]);
        var (exitCode, output, error) = await Tool.TryRunAsync(start.FileName, [.. start.ArgumentList.SkipLast(1), .. arguments]);
        Assert.True(exitCode == 0, $"{string.Join(' ', arguments)}: exit code {exitCode}\n{output}{error}");
    }

    /// <summary>Starts `img` and leaves it running.</summary>
    public static Process StartImg(params string[] arguments)
    {
        var start = StartInfo(arguments);
        start.RedirectStandardError = true;
        return Process.Start(start)!;
    }

    private static ProcessStartInfo StartInfo(string[] arguments) => Binary != null
        ? new ProcessStartInfo(Binary, ["img", .. arguments])
        : new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "blockuring.dll"), "img", .. arguments]);
}
