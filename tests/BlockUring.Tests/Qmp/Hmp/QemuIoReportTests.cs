using System.Text;
using BlockUring.Qmp.Hmp.QemuIo;
using Xunit;

namespace BlockUring.Tests.Qmp.Hmp;

/// <summary>Numbers as qemu-io prints them; the expected texts are its own.</summary>
public sealed class QemuIoReportTests
{
    [Theory]
    [InlineData(0, "0 bytes")]
    [InlineData(1000, "1000 bytes")]
    [InlineData(10.229681, "10.229681 bytes")]
    [InlineData(5.0004, "5 bytes")]
    [InlineData(1024, "1 KiB")]
    [InlineData(300000, "292.969 KiB")]
    [InlineData(1000000, "976.562 KiB")]
    [InlineData(1.5 * (1 << 20), "1.500 MiB")]
    [InlineData(1.15e18, "1021.405 PiB")]
    public void Sizes_have_three_digits_or_none(double value, string text) => Assert.Equal(text, QemuIoReport.Size(value));

    [Fact]
    public void A_request_is_reported_with_its_rate()
    {
        Assert.Equal(
            "wrote 65536/65536 bytes at offset 512\n64 KiB, 1 ops; 00.50 sec (128 KiB/sec and 2.0000 ops/sec)\n",
            QemuIoReport.Request("wrote", 512, 65536, TimeSpan.FromSeconds(0.5), isTerse: false));
        Assert.Equal(
            "read 1024/1024 bytes at offset 0\n1 KiB, 1 ops; 0:01:40.10 (10.229770 bytes/sec and 0.0100 ops/sec)\n",
            QemuIoReport.Request("read", 0, 1024, TimeSpan.FromSeconds(100.1), isTerse: false));
        Assert.Equal("512,1,0:00:00.25,2048.000,4.000\n", QemuIoReport.Request("read", 0, 512, TimeSpan.FromSeconds(0.25), isTerse: true));
    }

    [Fact]
    public void Bytes_are_shown_in_lines_of_sixteen()
    {
        var text = new StringBuilder();
        QemuIoReport.Dump(text, "0123456789 bcdef\u007f!"u8, 0x3de);
        Assert.Equal(
            "000003de:  30 31 32 33 34 35 36 37 38 39 20 62 63 64 65 66  0123456789.bcdef\n000003ee:  7f 21  .!\n",
            text.ToString());
    }
}
