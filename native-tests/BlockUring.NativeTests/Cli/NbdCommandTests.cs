using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using BlockUring.NativeTests.Images;
using Xunit;

namespace BlockUring.NativeTests.Cli;

/// <summary>`blockuring nbd` against qemu-nbd: words, exit codes, and clients.</summary>
public sealed class NbdCommandTests : IDisposable
{
    private const string Patience = "60";

    private readonly TempFolder folder = new();

    [Theory]
    [InlineData("")]
    [InlineData("-k n.sock a.raw")]
    [InlineData("-k SOCKET nosuch.img")]
    [InlineData("-f zork -k SOCKET a.raw")]
    [InlineData("-k SOCKET -e -1 a.raw")]
    [InlineData("--shared=x a.raw")]
    [InlineData("-p abc a.raw")]
    [InlineData("--cache=zork a.raw")]
    [InlineData("--cache=none -n a.raw")]
    [InlineData("--aio=zork a.raw")]
    [InlineData("--discard=zork a.raw")]
    [InlineData("--detect-zeroes=zork a.raw")]
    [InlineData("-r --detect-zeroes=unmap -k SOCKET a.raw")]
    [InlineData("-r -k SOCKET a.raw b.raw")]
    [InlineData("--zork")]
    [InlineData("-P 1 a.raw")]
    [InlineData("-p")]
    [InlineData("--port")]
    [InlineData("-o 5k -k SOCKET a.raw")]
    [InlineData("-o 5000000 -f raw -k SOCKET a.raw")]
    [InlineData("-B zork -f qcow2 -k SOCKET b.qcow2")]
    [InlineData("-r -B bm -f qcow2 -k SOCKET b.qcow2 -t -l zork")]
    [InlineData("-l zork -f qcow2 -k SOCKET b.qcow2")]
    [InlineData("-L a.raw")]
    [InlineData("--tls-creds zork -k SOCKET a.raw")]
    [InlineData("--image-opts -f raw driver=raw")]
    [InlineData("--image-opts -k SOCKET driver=zork")]
    [InlineData("-k /no/such/folder/n.sock a.raw")]
    public async Task WrongUsageIsToldInThePeersWords(string line)
    {
        await MakeImagesAsync();
        string[] words = [.. line.Replace("SOCKET", folder["n.sock"], StringComparison.Ordinal).Split(' ', StringSplitOptions.RemoveEmptyEntries)];
        var peer = await Tool.TryRunAsync("timeout", [Patience, "env", "-C", folder.Path, "qemu-nbd", .. words]);
        File.Delete(folder["n.sock"]);
        var ours = Program.Run(folder.Path, ["nbd", .. words]);
        var said = ours.Error.Replace("blockuring nbd", "qemu-nbd", StringComparison.Ordinal).Replace("blockuring", "qemu-nbd", StringComparison.Ordinal);
        Assert.Equal((peer.ExitCode, peer.Output + peer.Error), (ours.ExitCode, ours.Output + said));
    }

    [Fact]
    public async Task ItEndsWithItsLastClient()
    {
        await MakeImagesAsync();
        using var server = Program.Start(folder.Path, "nbd", "-f", "qcow2", "-k", folder["n.sock"], "-x", "disk", "-D", "words", "-A", "-B", "bm", "b.qcow2", "--pid-file", folder["pid"]);
        await WaitForAsync(folder["pid"], server);
        var uri = $"nbd+unix:///disk?socket={folder["n.sock"]}";
        // Why: a client that only looks, and takes no export, is none.
        var list = await Tool.RunAsync("qemu-nbd", "--list", "-k", folder["n.sock"]);
        Assert.Contains("qemu:allocation-depth", list, StringComparison.Ordinal);
        Assert.Contains("qemu:dirty-bitmap:bm", list, StringComparison.Ordinal);
        Assert.False(server.HasExited);
        await Tool.RunAsync("qemu-io", "-f", "raw", "-c", "write -P 5 64k 128k", "-c", "flush", uri);
        var (exitCode, output, error) = Program.Finish(server, "");
        Assert.Equal((0, "", ""), (exitCode, output, error));
        Assert.False(File.Exists(folder["n.sock"]));
        await Tool.RunAsync("qemu-io", "-r", "-c", "read -P 5 64k 128k", folder["b.qcow2"]);
        await Tool.RunAsync("qemu-img", "check", folder["b.qcow2"]);
    }

    [Fact]
    public async Task ItServesSeveralClientsOverTcpUntilItIsToldToEnd()
    {
        await MakeImagesAsync();
        var port = FreePort();
        using var server = Program.Start(
            folder.Path, "nbd", "-t", "-e", "4", "-b", "127.0.0.1", "-p", $"{port}", "-o", "65536", "-f", "raw", "--pid-file", folder["pid"], "a.raw");
        await WaitForAsync(folder["pid"], server);
        var uri = $"nbd://127.0.0.1:{port}/";
        await Tool.RunAsync("qemu-io", "-f", "raw", "-c", "write -P 5 0 64k", uri);
        await Tool.RunAsync("nbdcopy", "--connections=4", uri, folder["copy.raw"]);
        Assert.Equal((1 << 20) - 65536, new FileInfo(folder["copy.raw"]).Length);
        await Tool.RunAsync("kill", (await File.ReadAllTextAsync(folder["pid"], TestContext.Current.CancellationToken)).Trim());
        Assert.Equal((0, "", ""), Program.Finish(server, ""));
        Assert.False(File.Exists(folder["pid"]));
        await Tool.RunAsync("qemu-io", "-r", "-f", "raw", "-c", "read -P 5 64k 64k", folder["a.raw"]);
    }

    [Fact]
    public async Task ASnapshotIsExportedReadOnly()
    {
        await MakeImagesAsync();
        await Tool.RunAsync("qemu-io", "-c", "write -P 1 0 64k", folder["b.qcow2"]);
        await Tool.RunAsync("qemu-img", "snapshot", "-c", "one", folder["b.qcow2"]);
        await Tool.RunAsync("qemu-io", "-c", "write -P 2 0 64k", folder["b.qcow2"]);
        using var server = Program.Start(folder.Path, "nbd", "-l", "one", "-f", "qcow2", "-k", folder["n.sock"], "b.qcow2", "--pid-file", folder["pid"]);
        await WaitForAsync(folder["pid"], server);
        await Tool.RunAsync("qemu-io", "-r", "-f", "raw", "-c", "read -P 1 0 64k", $"nbd+unix:///?socket={folder["n.sock"]}");
        Assert.Equal(0, Program.Finish(server, "").ExitCode);
    }

    public void Dispose() => folder.Dispose();

    private async Task MakeImagesAsync()
    {
        await Tool.RunAsync("qemu-img", "create", "-q", "-f", "raw", folder["a.raw"], "1M");
        await Tool.RunAsync("qemu-img", "create", "-q", "-f", "qcow2", folder["b.qcow2"], "1M");
        await Tool.RunAsync("qemu-img", "bitmap", "--add", folder["b.qcow2"], "bm");
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    // The file comes when the server takes clients.
    private static async Task WaitForAsync(string path, Process server)
    {
        while (!File.Exists(path) || new FileInfo(path).Length == 0)
        {
            Assert.False(server.HasExited, "the server has ended");
            await Task.Delay(20, TestContext.Current.CancellationToken);
        }
    }
}
