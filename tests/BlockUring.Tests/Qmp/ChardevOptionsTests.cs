using BlockUring.Qmp.Channels;
using BlockUring.Storage;
using Xunit;

namespace BlockUring.Tests.Qmp;

/// <summary>The words are those of qemu-storage-daemon 7.2.</summary>
public class ChardevOptionsTests
{
    [Theory]
    [InlineData("", "chardev: no id specified")]
    [InlineData("socket,path=/x", "chardev: no id specified")]
    [InlineData("foo,id=x", "'foo' is not a valid char driver name")]
    [InlineData("socket,path=/x,id=x,server=foo", "Parameter 'server' expects 'on' or 'off'")]
    [InlineData("socket,path=/x,bar=1,id=x", "Invalid parameter 'bar'")]
    [InlineData("socket,host=localhost,id=x", "chardev: socket: no port given")]
    [InlineData("socket,id=x", "Unable to parse FD number ")]
    [InlineData("socket,id=x,path=", "chardev: socket: no path given")]
    [InlineData("socket,id=x,fd=nine", "Unable to parse FD number nine")]
    public void WrongOptionsAreRefused(string text, string expected) =>
        Assert.Equal(expected, Assert.Throws<BlockException>(() => ChardevOptions.Parse(text)).Message);

    [Fact]
    public void APathMustFitASocketsAddress()
    {
        var path = "/" + new string('x', 107);
        var failure = Assert.Throws<BlockException>(() => ChardevOptions.Parse($"socket,id=x,path={path}"));
        Assert.Equal($"UNIX socket path '{path}' is too long", failure.Message);
        Assert.Equal(path[..^1], ChardevOptions.Parse($"socket,id=x,path={path[..^1]}").Path);
    }

    [Fact]
    public void AServerWaitsUnlessToldOtherwise()
    {
        Assert.True(ChardevOptions.Parse("socket,id=a,path=/x,server=on").Waits);
        Assert.False(ChardevOptions.Parse("socket,id=a,path=/x,server=on,wait=off").Waits);
        Assert.Null(ChardevOptions.Parse("socket,id=a,path=/x").Waits);
    }

    [Fact]
    public void SwitchesAndDoubledCommasAreUnderstood()
    {
        var options = ChardevOptions.Parse("socket,id=a,path=/x,,y,server,wait=off");
        Assert.Equal(("/x,y", true, -1), (options.Path, options.IsServer, options.Descriptor));
        var tcp = ChardevOptions.Parse("socket,id=a,port=4444,server=on");
        Assert.Equal(("", 4444, (string?)null), (tcp.Host, tcp.Port, tcp.Path));
        Assert.Equal(7, ChardevOptions.Parse("socket,id=a,fd=7").Descriptor);
        Assert.Equal("stdio", ChardevOptions.Parse("stdio,id=a").Backend);
    }
}
