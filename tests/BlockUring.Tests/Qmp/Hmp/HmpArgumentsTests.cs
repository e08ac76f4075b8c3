using BlockUring.Qmp.Hmp;
using Xunit;

namespace BlockUring.Tests.Qmp.Hmp;

/// <summary>What follows a command of the human monitor.</summary>
public sealed class HmpArgumentsTests
{
    private const string Signature = "force:-f,quiet:-q,device:B,size:o?,text:s?";

    [Fact]
    public void Flags_words_sizes_and_quotes_are_told_apart()
    {
        Assert.Null(HmpArguments.TryParse("x", Signature, "-f  disk 2 \"read \\\"0\\\" \\n1\"", out var arguments));
        Assert.True(arguments.Has("force"));
        Assert.False(arguments.Has("quiet"));
        Assert.Equal("disk", arguments["device"]);
        Assert.Equal(2 << 20, arguments.Size("size"));
        Assert.Equal("read \"0\" \n1", arguments["text"]);
    }

    [Fact]
    public void The_rest_may_be_missing()
    {
        Assert.Null(HmpArguments.TryParse("x", Signature, "disk", out var arguments));
        Assert.Null(arguments.Size("size"));
        Assert.Null(arguments["text"]);
    }

    [Theory]
    [InlineData("", "x: block device name expected\n")]
    [InlineData("-z disk", "x: unsupported option -z\n")]
    [InlineData("disk zork", "invalid size\n")]
    [InlineData("disk 1 \"a", "x: unterminated string\n")]
    [InlineData("disk 1 a b", "x: extraneous characters at the end of line\n")]
    public void What_does_not_fit_is_refused(string line, string message) =>
        Assert.Equal(message, HmpArguments.TryParse("x", Signature, line, out _));
}
