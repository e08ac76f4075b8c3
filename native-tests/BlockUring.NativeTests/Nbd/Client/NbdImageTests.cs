using BlockUring.NativeTests.Images;
using Xunit;
using Ours = BlockUring.NativeTests.Img.Program;

namespace BlockUring.NativeTests.Nbd.Client;

/// <summary>`img` reads and writes exports of nbdkit and qemu-nbd by name; qemu-img is the judge.</summary>
public sealed class NbdImageTests : IDisposable
{
    private readonly TempFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("memory", "8M")]
    [InlineData("--no-sr", "--filter=nozero", "--filter=noextents", "memory", "8M")]
    [InlineData("--filter=fua", "memory", "8M", "fuamode=force")]
    [InlineData("--filter=blocksize-policy", "memory", "8M", "blocksize-minimum=4096", "blocksize-maximum=64k", "blocksize-error-policy=error")]
    public async Task What_is_written_is_read_back(params string[] server)
    {
        using var peer = await PeerServer.NbdkitAsync(folder.Path, server);
        var source = folder["source.raw"];
        await MakeSourceAsync(source, "8M");
        await Ours.ImgAsync("convert", "-f", "raw", "-O", "raw", source, peer.Uri);
        await CompareAsync(source, peer.Uri);
        await Ours.ImgAsync("convert", "-f", "raw", "-O", "qcow2", peer.Uri, folder["back.qcow2"]);
        await CompareAsync(source, folder["back.qcow2"], "qcow2");
        await Ours.ImgAsync("compare", "-f", "raw", "-F", "qcow2", peer.Uri, folder["back.qcow2"]);
    }

    [Theory]
    [InlineData("map", "--output=json", "-f", "raw")]
    [InlineData("info", "-f", "raw")]
    [InlineData("info", "--output=json", "-f", "raw")]
    [InlineData("measure", "-O", "qcow2", "-f", "raw")]
    public async Task Questions_are_answered_as_by_qemu_img(params string[] words)
    {
        await MakeSourceAsync(folder["source.raw"], "3000001");
        using var peer = await PeerServer.QemuNbdAsync(folder.Path, "-f", "raw", "-x", "ex", folder["source.raw"]);
        var expected = await Tool.RunAsync("qemu-img", [.. words, peer.UriOf("ex")]);
        var (exitCode, output, error) = await Ours.TryImgAsync([.. words, peer.UriOf("ex")]);
        Assert.Equal((0, expected, ""), (exitCode, output, error));
    }

    [Fact]
    public async Task An_oldstyle_server_is_read()
    {
        using var peer = await PeerServer.NbdkitAsync(folder.Path, "--oldstyle", "pattern", "3M");
        await Tool.RunAsync("qemu-img", "convert", "-f", "raw", "-O", "raw", peer.Uri, folder["peer.raw"]);
        await Ours.ImgAsync("convert", "-f", "raw", "-O", "raw", peer.Uri, folder["ours.raw"]);
        await CompareAsync(folder["peer.raw"], folder["ours.raw"]);
    }

    [Fact]
    public async Task A_dirty_bitmap_is_seen_as_the_map()
    {
        var image = folder["image.qcow2"];
        await Tool.RunAsync("qemu-img", "create", "-q", "-f", "qcow2", image, "4M");
        await Tool.RunAsync("qemu-img", "bitmap", "--add", image, "b");
        await Tool.RunAsync("qemu-io", "-f", "qcow2", "-c", "write 64k 128k", "-c", "write 2M 64k", image);
        using var peer = await PeerServer.QemuNbdAsync(folder.Path, "-f", "qcow2", "-B", "b", image);
        var options = $"driver=nbd,server.type=unix,server.path={peer.Socket},x-dirty-bitmap=qemu:dirty-bitmap:b";
        var expected = await Tool.RunAsync("qemu-img", "map", "--output=json", "--image-opts", options);
        Assert.Contains("\"data\": false", expected);
        var (exitCode, output, error) = await Ours.TryImgAsync("map", "--output=json", "--image-opts", options);
        Assert.Equal((0, expected, ""), (exitCode, output, error));
    }

    [Fact]
    public async Task An_export_holds_an_image_and_is_a_backing_file()
    {
        using var peer = await PeerServer.NbdkitAsync(folder.Path, "memory", "16M");
        await Ours.ImgAsync("create", "-q", "-f", "qcow2", peer.Uri, "8M");
        await MakeSourceAsync(folder["source.raw"], "8M");
        await Ours.ImgAsync("convert", "-n", "-f", "raw", "-O", "qcow2", folder["source.raw"], peer.Uri);
        await Tool.RunAsync("qemu-img", "check", "-q", "-f", "qcow2", peer.Uri);
        await Ours.ImgAsync("check", "-q", "-f", "qcow2", peer.Uri);
        var overlay = folder["overlay.qcow2"];
        await Ours.ImgAsync("create", "-q", "-f", "qcow2", "-b", peer.Uri, "-F", "qcow2", overlay);
        await CompareAsync(folder["source.raw"], overlay, "qcow2");
        await Ours.ImgAsync("compare", "-f", "raw", "-F", "qcow2", folder["source.raw"], overlay);
        await Tool.RunAsync("qemu-io", "-f", "qcow2", "-c", "write -P 7 1M 64k", overlay);
        await Ours.ImgAsync("commit", "-q", overlay);
        await Tool.RunAsync("qemu-io", "-f", "qcow2", "-c", "read -P 7 1M 64k", peer.Uri);
        Assert.Contains("Cannot grow NBD nodes", await Ours.FailAsync("create", "-q", "-f", "raw", peer.Uri, "17M"));
        Assert.Contains("Cannot resize NBD nodes", await Ours.FailAsync("resize", "-q", "-f", "raw", peer.Uri, "17M"));
    }

    [Theory]
    [InlineData("pread")]
    [InlineData("pwrite")]
    public async Task An_error_of_the_server_is_one_message(string operation)
    {
        await MakeSourceAsync(folder["source.raw"], "8M");
        using var peer = await PeerServer.NbdkitAsync(
            folder.Path, "--filter=error", "--filter=cow", "pattern", "8M", $"error-{operation}=ENOSPC", $"error-{operation}-rate=100%");
        var message = operation == "pread"
            ? await Ours.FailAsync("convert", "-f", "raw", "-O", "raw", peer.Uri, folder["target.raw"])
            : await Ours.FailAsync("convert", "-n", "-f", "raw", "-O", "raw", folder["source.raw"], peer.Uri);
        Assert.Contains("No space left on device", message);
    }

    [Fact]
    public async Task A_read_only_export_is_not_written()
    {
        using var peer = await PeerServer.NbdkitAsync(folder.Path, "-r", "memory", "4M");
        await MakeSourceAsync(folder["source.raw"], "4M");
        var (_, _, expected) = await Tool.TryRunAsync("qemu-img", "convert", "-n", "-f", "raw", "-O", "raw", folder["source.raw"], peer.Uri);
        var actual = await Ours.FailAsync("convert", "-n", "-f", "raw", "-O", "raw", folder["source.raw"], peer.Uri);
        Assert.Equal(expected.Replace("qemu-img:", "blockuring:"), actual);
    }

    private static async Task MakeSourceAsync(string path, string size)
    {
        await Tool.RunAsync("truncate", "-s", size, path);
        await Tool.RunAsync("qemu-io", "-f", "raw", "-c", "write -P 1 0 300000", "-c", "write -P 2 700000 2000000", path);
    }

    private static async Task CompareAsync(string source, string target, string format = "raw") =>
        await Tool.RunAsync("qemu-img", "compare", "-f", "raw", "-F", format, source, target);
}
