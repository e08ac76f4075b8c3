using System.ComponentModel;
using System.Diagnostics;
using System.Text.Json;
using Xunit;

namespace BlockUring.NativeTests.Bitmaps;

/// <summary>A qemu-storage-daemon driven by QMP over its standard input and output; ended with the object.</summary>
internal sealed class StorageDaemon : IAsyncDisposable
{
    private readonly Process process;

    private StorageDaemon(Process process) => this.process = process;

    /// <summary>Starts it; skips the test when the host does not have it.</summary>
    public static async Task<StorageDaemon> StartAsync()
    {
        string[] arguments = ["--chardev", "stdio,id=c", "--monitor", "chardev=c"];
        var start = new ProcessStartInfo("qemu-storage-daemon", arguments) { RedirectStandardInput = true, RedirectStandardOutput = true };
        try
        {
            var daemon = new StorageDaemon(Process.Start(start)!);
            await daemon.process.StandardOutput.ReadLineAsync();
            await daemon.RunAsync("""{"execute":"qmp_capabilities"}""");
            return daemon;
        }
        catch (Win32Exception)
        {
            Assert.Skip("This host has no qemu-storage-daemon.");
            throw;
        }
    }

    /// <summary>Runs a command: what it returns, or the description of its error.</summary>
    public async Task<(JsonElement Result, string? Error)> RunAsync(string json)
    {
        await process.StandardInput.WriteLineAsync(json);
        while (true)
        {
            var line = await process.StandardOutput.ReadLineAsync() ?? throw new InvalidOperationException("qemu-storage-daemon has ended.");
            var answer = JsonDocument.Parse(line).RootElement;
            if (answer.TryGetProperty("return", out var result))
                return (result, null);
            if (answer.TryGetProperty("error", out var error))
                return (default, error.GetProperty("desc").GetString());
        }
    }

    /// <summary>Runs a command that must succeed.</summary>
    public async Task<JsonElement> DemandAsync(string json)
    {
        var (result, error) = await RunAsync(json);
        Assert.True(error == null, $"{json}: {error}");
        return result;
    }

    public async ValueTask DisposeAsync()
    {
        process.Kill();
        await process.WaitForExitAsync();
        process.Dispose();
    }
}
