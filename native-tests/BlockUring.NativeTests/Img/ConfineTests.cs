using BlockUring.Cli.Img;
using BlockUring.Cli.Output;
using BlockUring.NativeTests.Images;
using Xunit;

namespace BlockUring.NativeTests.Img;

/// <summary>With --confine, an image from somebody else pulls in nothing from outside of some directories.</summary>
public sealed class ConfineTests : IDisposable
{
    private readonly TempFolder folder = new();

    public ConfineTests()
    {
        Directory.CreateDirectory(folder["in"]);
        File.WriteAllBytes(folder["secret"], new byte[1 << 20]);
        File.WriteAllBytes(folder["in/base"], new byte[1 << 20]);
        AssertRun(0, "create", "-q", "-f", "qcow2", "-b", folder["in/base"], "-F", "raw", folder["in/good"]);
        AssertRun(0, "create", "-q", "-f", "qcow2", "-b", folder["secret"], "-F", "raw", folder["in/bad"]);
        AssertRun(0, "create", "-q", "-f", "qcow2", "-o", $"data_file={folder["split"]}", folder["in/split"], "1M");
    }

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("map")]
    [InlineData("commit")]
    [InlineData("convert", "-O", "raw")]
    [InlineData("info", "--backing-chain")]
    public void What_an_image_names_is_opened_only_where_it_may_be(string command, params string[] options)
    {
        string[] target = command == "convert" ? [folder["out"]] : [];
        AssertRun(0, ["--confine", folder["in"], command, .. options, folder["in/good"], .. target]);
        AssertRun(0, ["--confine", folder["in"], "--confine", folder["."], command, .. options, folder["in/bad"], .. target]);
        var error = AssertRun(1, ["--confine", folder["in"], command, .. options, folder["in/bad"], .. target]);
        Assert.Contains($"names '{folder["secret"]}', which the policy in force does not allow to be opened", error, StringComparison.Ordinal);
    }

    [Fact]
    public void Nor_is_a_data_file()
    {
        AssertRun(0, "map", folder["in/split"]);
        AssertRun(0, "--confine", folder["in"], "info", folder["in/split"]);
        var error = AssertRun(1, "--confine", folder["in"], "map", folder["in/split"]);
        Assert.Contains($"names '{folder["split"]}', which the policy in force does not allow to be opened", error, StringComparison.Ordinal);
    }

    private static string AssertRun(int expected, params string[] arguments)
    {
        using var results = new StringWriter();
        using var messages = new StringWriter();
        using var streams = new CommandOutput(results, messages);
        var exitCode = ImgProgram.Run(new ImgContext(streams, "qemu-img", "qemu-img"), arguments);
        Assert.True(exitCode == expected, $"{string.Join(' ', arguments)}: {exitCode}\n{results}{messages}");
        return messages.ToString();
    }
}
