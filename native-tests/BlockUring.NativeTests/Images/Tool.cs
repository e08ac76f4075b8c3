using System.ComponentModel;
using System.Diagnostics;
using Xunit;

namespace BlockUring.NativeTests.Images;

/// <summary>Runs QEMU's tools as the oracle.</summary>
internal static class Tool
{
    /// <summary>Runs a tool that must succeed; its standard output.</summary>
    public static async Task<string> RunAsync(string tool, params string[] arguments)
    {
        var (exitCode, output, error) = await TryRunAsync(tool, arguments);
        Assert.True(exitCode == 0, $"{tool} {string.Join(' ', arguments)}: exit code {exitCode}\n{output}{error}");
        return output;
    }

    /// <summary>Runs a tool; skips the test when the host does not have it.</summary>
    public static async Task<(int ExitCode, string Output, string Error)> TryRunAsync(string tool, params string[] arguments)
    {
        var start = new ProcessStartInfo(tool, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        Process? process = null;
        try
        {
            process = Process.Start(start);
        }
        catch (Win32Exception)
        {
            Assert.Skip($"This host has no {tool}.");
        }

        using (process)
        {
            var output = process!.StandardOutput.ReadToEndAsync();
            var error = process.StandardError.ReadToEndAsync();
            await process.WaitForExitAsync();
            return (process.ExitCode, await output, await error);
        }
    }
}
