using BlockUring.Qmp.Hmp.QemuIo;
using Xunit;

namespace BlockUring.Tests.Qmp.Hmp;

/// <summary>The options of qemu-io's commands.</summary>
public sealed class QemuIoOptionsTests
{
    [Theory]
    [InlineData("0 1", "", "0 1")]
    [InlineData("-q 0 1", "q", "0 1")]
    [InlineData("0 -q 1 -v", "qv", "0 1")]
    [InlineData("-qvP5 0 1", "qvP=5", "0 1")]
    [InlineData("-P 5 -P 6 0", "P=6", "0")]
    [InlineData("-q -- -v 0", "q", "-v 0")]
    [InlineData("- 0", "", "- 0")]
    public void Letters_stand_anywhere(string line, string given, string rest)
    {
        var options = QemuIoOptions.Parse("x", line.Split(' '), "qvP:");
        Assert.Null(options.Error);
        Assert.Equal(given, string.Concat("qvP".Where(options.Has).Select(c => options[c] is { Length: > 0 } text ? $"{c}={text}" : $"{c}")));
        Assert.Equal(rest, string.Join(' ', options.Rest));
    }

    [Theory]
    [InlineData("-z 0", "x: invalid option -- 'z'")]
    [InlineData("-q: 0", "x: invalid option -- ':'")]
    [InlineData("0 -P", "x: option requires an argument -- 'P'")]
    public void Other_letters_are_refused(string line, string error) =>
        Assert.Equal(error, QemuIoOptions.Parse("x", line.Split(' '), "qvP:").Error);
}
