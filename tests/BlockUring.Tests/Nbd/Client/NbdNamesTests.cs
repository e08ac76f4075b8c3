using BlockUring.Nbd.Client;
using BlockUring.Storage;
using Xunit;

namespace BlockUring.Tests.Nbd.Client;

/// <summary>Names of exports, with QEMU 7.2's meanings and messages.</summary>
public sealed class NbdNamesTests
{
    [Theory]
    [InlineData("nbd://host/a/b", "export=a/b,server.host=host,server.port=10809,server.type=inet")]
    [InlineData("nbd://host:1", "server.host=host,server.port=1,server.type=inet")]
    [InlineData("nbd+tcp://user@[::1]:77/x%20y", "export=x y,server.host=::1,server.port=77,server.type=inet")]
    [InlineData("nbd+unix:///?socket=/a%2cb", "server.path=/a,b,server.type=unix")]
    [InlineData("nbd+unix:///ex?socket=/s", "export=ex,server.path=/s,server.type=unix")]
    [InlineData("nbd:unix:/s:exportname=e:f", "export=e:f,server.path=/s,server.type=unix")]
    [InlineData("nbd:h:10", "server.host=h,server.port=10,server.type=inet")]
    [InlineData("nbd:[::1]:10:exportname=e", "export=e,server.host=::1,server.port=10,server.type=inet")]
    [InlineData("nbd:h:10:exportname=", "")]
    public void Names_mean_options(string name, string expected)
    {
        Assert.True(NbdNames.Owns(name));
        Assert.Equal(expected, string.Join(',', NbdNames.Parse(name).OrderBy(o => o.Key, StringComparer.Ordinal).Select(o => $"{o.Key}={o.Value}")));
    }

    [Theory]
    [InlineData("nbd://", "No valid URL specified")]
    [InlineData("nbd+unix:///", "No valid URL specified")]
    [InlineData("nbd+unix://host/?socket=/s", "No valid URL specified")]
    [InlineData("nbd+unix:///?socket=/s&x=1", "No valid URL specified")]
    [InlineData("nbd://host/?socket=/s", "No valid URL specified")]
    [InlineData("nbd://host:x/", "No valid URL specified")]
    [InlineData("nbd:foo", "error parsing address 'foo'")]
    [InlineData("nbd:[::1", "error parsing IPv6 address '[::1'")]
    public void Malformed_names_are_refused(string name, string message) =>
        Assert.Equal(message, Assert.Throws<BlockException>(() => NbdNames.Parse(name)).Message);

    [Theory]
    [InlineData("/s", null, null, null, "nbd+unix://?socket=/s")]
    [InlineData("/s", null, null, "", "nbd+unix:///?socket=/s")]
    [InlineData(null, "h", "1", null, "nbd://h:1")]
    [InlineData(null, "h", "1", "e", "nbd://h:1/e")]
    public void Names_are_printed_as_QEMU_does(string? path, string? host, string? port, string? export, string expected) =>
        Assert.Equal(expected, NbdNames.Format(new NbdAddress(path, host, port), export));

    [Theory]
    [InlineData("nbd.raw")]
    [InlineData("/nbd:x")]
    [InlineData("file:nbd:x")]
    [InlineData("nbdx://h")]
    public void Other_names_are_none(string name) => Assert.False(NbdNames.Owns(name));
}
