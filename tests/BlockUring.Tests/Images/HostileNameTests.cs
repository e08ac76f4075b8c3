using BlockUring.Images;
using BlockUring.Images.Qcow2;
using BlockUring.Native.Memory;
using BlockUring.Storage;
using Xunit;

namespace BlockUring.Tests.Images;

/// <summary>Images whose names for other files lead round in circles, or where they must not.</summary>
public sealed class HostileNameTests : IDisposable
{
    private readonly BufferPool buffers = new();
    private readonly MemoryFileHost host;
    private readonly string folder = Directory.CreateTempSubdirectory("blockuring-names").FullName;

    public HostileNameTests() => host = new MemoryFileHost(buffers);

    public void Dispose()
    {
        buffers.Dispose();
        Directory.Delete(folder, recursive: true);
    }

    [Theory]
    [InlineData("/a", "/a")]
    [InlineData("/a", "a")]
    [InlineData("/a", "file:/a")]
    [InlineData("/a", """json:{"driver":"qcow2","file":{"driver":"file","filename":"/a"}}""")]
    public async Task An_image_over_itself_is_refused(string path, string backing)
    {
        await MakeAsync(path, backing);
        Assert.Equal($"Could not open backing file: Backing file '/a' of '/a' creates an infinite loop", await FailAsync(path, OpenGate.AllowAll));
    }

    [Fact]
    public async Task Two_images_over_each_other_are_refused()
    {
        await MakeAsync("/a", "/b");
        await MakeAsync("/b", "/a");
        Assert.EndsWith("Backing file '/a' of '/b' creates an infinite loop", await FailAsync("/a", OpenGate.AllowAll), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_chain_without_an_end_is_refused()
    {
        await MakeAsync("/0", null);
        for (var i = 1; i <= BackingChain.MaxDepth; i++)
            await MakeAsync($"/{i}", $"/{i - 1}");
        Assert.EndsWith(
            $"The backing chain is longer than {BackingChain.MaxDepth} images", await FailAsync($"/{BackingChain.MaxDepth}", OpenGate.AllowAll), StringComparison.Ordinal);
        Assert.Equal(0, buffers.RentedBytes);
    }

    [Theory]
    [InlineData("{0}/in/base", true)]
    [InlineData("file:{0}/in/base", true)]
    [InlineData("{0}/in/../in/base", true)]
    [InlineData("{0}/in/deeper/../base", true)]
    [InlineData("{0}/out/base", false)]
    [InlineData("{0}/in/../out/base", false)]
    [InlineData("{0}/inside", false)]
    [InlineData("{0}/in/link", false)]
    [InlineData("{0}/in/directory/base", false)]
    [InlineData("{0}/in/directory/../in/base", true)]
    [InlineData("{0}/in/directory/../inside", false)]
    [InlineData("nbd:localhost:10809", false)]
    [InlineData("json:{{\"driver\":\"raw\",\"file\":{{\"driver\":\"file\",\"filename\":\"{0}/in/base\"}}}}", false)]
    public void Names_are_confined_to_directories_wherever_links_lead(string name, bool isAllowed)
    {
        Directory.CreateDirectory($"{folder}/in/deeper");
        Directory.CreateDirectory($"{folder}/out");
        File.CreateSymbolicLink($"{folder}/in/link", "../out/base");
        Directory.CreateSymbolicLink($"{folder}/in/directory", $"{folder}/out");
        var gate = OpenGate.Within([$"{folder}/in/"]);
        var path = string.Format(null, name, folder);
        if (isAllowed)
        {
            gate.Demand(path, "image");
            return;
        }

        var error = Assert.Throws<BlockException>(() => gate.Demand(path, "image"));
        Assert.Equal($"Image 'image' names '{path}', which the policy in force does not allow to be opened", error.Message);
    }

    [Fact]
    public async Task Neither_a_backing_file_nor_a_data_file_is_opened_against_the_policy()
    {
        await MakeAsync("/base", null);
        await MakeAsync("/over", "/base");
        await MakeAsync("/split", null, "/data");
        var gate = OpenGate.Within([folder]);
        Assert.Equal("Image '/over' names '/base', which the policy in force does not allow to be opened", await FailAsync("/over", gate));
        Assert.Equal("Image '/split' names '/data', which the policy in force does not allow to be opened", await FailAsync("/split", gate));
        Assert.Equal(0, buffers.RentedBytes);
    }

    private async Task MakeAsync(string path, string? backing, string? data = null)
    {
        var options = new Dictionary<string, string>();
        if (backing != null)
            (options["backing_file"], options["backing_fmt"]) = (backing, "qcow2");
        if (data != null)
            options["data_file"] = data;
        await new Qcow2Driver().CreateAsync(host, new CreateRequest(path, 1 << 20, options));
    }

    private async Task<string> FailAsync(string path, OpenGate gate)
    {
        var settings = new ImageOpenSettings(host, new FileOpenOptions()) { Gate = gate };
        return (await Assert.ThrowsAsync<BlockException>(async () => await BackingChain.OpenAsync(path, "qcow2", settings))).Message;
    }
}
