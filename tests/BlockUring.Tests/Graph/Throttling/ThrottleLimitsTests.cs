using BlockUring.Graph.Throttling;
using BlockUring.Images;
using BlockUring.Storage;
using Xunit;

namespace BlockUring.Tests.Graph.Throttling;

/// <summary>Limits as text, with the words of qemu-storage-daemon.</summary>
public sealed class ThrottleLimitsTests
{
    [Theory]
    [InlineData("iops-total=1,iops-read=1", "bps/iops/max total values and read/write values cannot be used at the same time")]
    [InlineData("bps-total=10,bps-total-max=20,bps-write-max=20", "bps/iops/max total values and read/write values cannot be used at the same time")]
    [InlineData("iops-total=-1", "bps/iops/max values must be within [0, 1000000000000000]")]
    [InlineData("iops-total=1000000000000001", "bps/iops/max values must be within [0, 1000000000000000]")]
    [InlineData("iops-total-max=5", "bps_max/iops_max require corresponding bps/iops values")]
    [InlineData("iops-total=10,iops-total-max=5", "bps_max/iops_max cannot be lower than bps/iops")]
    [InlineData("iops-size=1000", "iops size requires an iops value to be set")]
    [InlineData("iops-total=10,iops-total-max-length=0", "the burst length cannot be 0")]
    [InlineData("iops-total=10,iops-total-max-length=2", "burst length set without burst rate")]
    [InlineData("iops-total=10,iops-total-max=1000000000000000,iops-total-max-length=2", "burst length too high for this burst rate")]
    [InlineData("iops-total=10,iops-total-max=100,iops-total-max-length=-1", "burst length too high for this burst rate")]
    [InlineData("iops-total=10,iops-total-max=100,iops-total-max-length=5000000000", "iops-total-max-length value must be in the range [0, 4294967295]")]
    [InlineData("zork=1", "Parameter 'limits.zork' is unexpected")]
    [InlineData("iops-total=x", "Parameter 'iops-total' expects a number")]
    public void WhatCannotBeIsRefused(string text, string message) =>
        Assert.Equal(message, Assert.Throws<BlockException>(() => Parse(text)).Message);

    [Theory]
    [InlineData("")]
    [InlineData("iops-total=10,iops-size=-1")]
    [InlineData("bps-read=10,bps-write=20,iops-total=5,bps-read-max=100,bps-read-max-length=60")]
    [InlineData("iops-total=1000000000000000")]
    public void WhatCanBeIsTaken(string text) => Parse(text);

    [Fact]
    public void WhatIsNotNamedStays()
    {
        var limits = Parse("iops-total=100").With(new Dictionary<string, long> { ["bps-total"] = 1024 });
        Assert.Equal((100, 1024, 0, 1), (limits["iops-total"], limits["bps-total"], limits["bps-read"], limits["bps-read-max-length"]));
        Assert.Equal(19, ThrottleLimits.Names.Count);
    }

    private static ThrottleLimits Parse(string text) => ThrottleLimits.Parse(OptionTree.ParseKeyValues(text));
}
