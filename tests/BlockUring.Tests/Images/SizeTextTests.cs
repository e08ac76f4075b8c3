using BlockUring.Images;
using CsCheck;
using Xunit;

namespace BlockUring.Tests.Images;

public sealed class SizeTextTests
{
    [Theory]
    [InlineData("0", 0)]
    [InlineData("4096", 4096)]
    [InlineData("4096b", 4096)]
    [InlineData("64k", 65536)]
    [InlineData("64K", 65536)]
    [InlineData("1.5G", 1610612736)]
    [InlineData("1.k", 1024)]
    [InlineData("1.0", 1)]
    [InlineData("1.0005k", 1025)]
    [InlineData("0.5k", 512)]
    [InlineData("0x200", 512)]
    [InlineData("0xb", 11)]
    [InlineData("0x1k", 1024)]
    [InlineData(" +1M", 1048576)]
    [InlineData("7E", 8070450532247928832)]
    public void ParsesSizes(string text, long bytes)
    {
        Assert.Equal(SizeTextResult.Parsed, SizeText.Parse(text, 1, out var parsed));
        Assert.Equal((ulong)bytes, parsed);
        Assert.True(SizeText.TryParse(text, out var signed));
        Assert.Equal(bytes, signed);
    }

    [Theory]
    [InlineData("")]
    [InlineData("k")]
    [InlineData(".5k")]
    [InlineData("-1")]
    [InlineData("1.5")]
    [InlineData("1.5b")]
    [InlineData("1e3")]
    [InlineData("1kk")]
    [InlineData("1Z")]
    [InlineData("1 k")]
    [InlineData("0x")]
    [InlineData("0x1.5k")]
    public void RefusesWhatIsNoSize(string text) => Assert.Equal(SizeTextResult.Malformed, SizeText.Parse(text, 1, out _));

    [Theory]
    [InlineData("16E")]
    [InlineData("99999999999999999999")]
    [InlineData("18446744073709551615k")]
    public void TellsWhatIsTooLarge(string text) => Assert.Equal(SizeTextResult.TooLarge, SizeText.Parse(text, 1, out _));

    [Fact]
    public void SizesOfHalfTheRangeAreNotSignedSizes()
    {
        Assert.Equal(SizeTextResult.Parsed, SizeText.Parse("8E", 1, out var bytes));
        Assert.Equal(1UL << 63, bytes);
        Assert.False(SizeText.TryParse("8E", out _));
    }

    [Fact]
    public void EveryTextIsAnsweredAndNumbersComeBack() =>
        Gen.ULong.Sample(value => SizeText.Parse(value.ToString(), 1, out var parsed) == SizeTextResult.Parsed && parsed == value, seed: "0000KOIPe036");
}
