using BlockUring.Cli.Output;
using Xunit;

namespace BlockUring.Tests.Cli;

public sealed class SizeFormatTests
{
    // Expected values printed by C's "%0.3g" with the unit chosen as qemu-img does.
    [Theory]
    [InlineData(0, "0 B")]
    [InlineData(1, "1 B")]
    [InlineData(512, "512 B")]
    [InlineData(999, "999 B")]
    [InlineData(1000, "0.977 KiB")]
    [InlineData(1023, "0.999 KiB")]
    [InlineData(1024, "1 KiB")]
    [InlineData(200704, "196 KiB")]
    [InlineData(1536, "1.5 KiB")]
    [InlineData(10485760, "10 MiB")]
    [InlineData(1610612736, "1.5 GiB")]
    [InlineData(1073741824L * 999, "999 GiB")]
    [InlineData(1073741824L * 1000, "0.977 TiB")]
    [InlineData(1L << 62, "4 EiB")]
    public void SizesHaveThreeDigits(long bytes, string expected) => Assert.Equal(expected, SizeFormat.Human(bytes));

    [Theory]
    [InlineData(3.125, 2, "3.12")]
    [InlineData(3.375, 2, "3.38")]
    [InlineData(100, 2, "100.00")]
    [InlineData(0.0625, 3, "0.062")]
    public void TiesGoToEven(double value, int decimals, string expected) => Assert.Equal(expected, SizeFormat.Fixed(value, decimals));
}
