using BlockUring.NativeTests.Images;
using BlockUring.NativeTests.Uring;
using BlockUring.Nbd.Client;
using Xunit;

namespace BlockUring.NativeTests.Nbd.Client;

/// <summary>Servers are listed as by qemu-nbd.</summary>
public sealed class NbdListingTests
{
    [Theory]
    [InlineData("nbdkit", "memory", "8M")]
    [InlineData("nbdkit", "--no-sr", "memory", "8M")]
    [InlineData("nbdkit", "--oldstyle", "memory", "8M")]
    [InlineData("nbdkit", "-r", "--filter=blocksize-policy", "memory", "8M", "blocksize-minimum=4096", "blocksize-maximum=64k")]
    [InlineData("qemu-nbd", "-A", "-D", "some words", "-x", "ex", "-f", "raw")]
    public async Task Exports_are_listed_as_by_qemu_nbd(string tool, params string[] arguments)
    {
        using var folder = new TempFolder();
        await Tool.RunAsync("truncate", "-s", "1M", folder["a.raw"]);
        using var server = tool == "nbdkit"
            ? await PeerServer.NbdkitAsync(folder.Path, arguments)
            : await PeerServer.QemuNbdAsync(folder.Path, [.. arguments, folder["a.raw"]]);
        var expected = await Tool.RunAsync("qemu-nbd", "--list", "-k", server.Socket);
        var address = NbdAddress.Unix(server.Socket);
        var actual = "";
        RingHost.Run(async thread =>
        {
            var exports = await NbdListing.AskAsync(thread, new NbdClientSettings(address, null), new NbdSocketDialer(thread, address));
            actual = NbdListing.Format(exports);
        });
        Assert.Equal(expected, actual);
    }
}
