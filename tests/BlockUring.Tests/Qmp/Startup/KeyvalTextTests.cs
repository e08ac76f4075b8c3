using System.Text.Json;
using BlockUring.Qmp;
using BlockUring.Qmp.Schema;
using BlockUring.Qmp.Startup;
using Xunit;

namespace BlockUring.Tests.Qmp.Startup;

/// <summary>Options of a command line become trees of text, and then what the definition says.</summary>
public sealed class KeyvalTextTests
{
    [Theory]
    [InlineData("a=1", """{"a":"1"}""")]
    [InlineData("a=1,a=2", """{"a":"2"}""")]
    [InlineData("raw,a=b", """{"driver":"raw","a":"b"}""")]
    [InlineData("a.b.c=1,a.b.d=2,e=", """{"a":{"b":{"c":"1","d":"2"}},"e":""}""")]
    [InlineData("a=x,,y,b=,,", """{"a":"x,y","b":","}""")]
    [InlineData("a.1=y,a.0=x", """{"a":["x","y"]}""")]
    [InlineData("a.0.b=x,a.1.b=y", """{"a":[{"b":"x"},{"b":"y"}]}""")]
    [InlineData("a=b=c,", """{"a":"b=c"}""")]
    [InlineData("", "{}")]
    public void TextBecomesATree(string text, string expected) =>
        Assert.Equal(expected, JsonSerializer.Serialize(KeyvalText.Parse(text, "driver", out _), JsonSerializerOptions.Default));

    [Theory]
    [InlineData("x,y", "Expected '=' after parameter 'y'")]
    [InlineData("=1", "Invalid parameter ''")]
    [InlineData(",a=1", "Invalid parameter ''")]
    [InlineData("1a=1", "Invalid parameter '1a'")]
    [InlineData("a..b=1", "Invalid parameter 'a..b'")]
    [InlineData("a=1,a.b=2", "Parameters 'a.*' used inconsistently")]
    [InlineData("a.b=1,a=2", "Parameters 'a.*' used inconsistently")]
    [InlineData("a.0=1,a.b=2", "Parameters 'a.*' used inconsistently")]
    [InlineData("a.b.1=2", "Parameter 'a.b.0' missing")]
    public void MalformedTextIsRefused(string text, string expected) =>
        Assert.Equal(expected, Assert.Throws<QmpException>(() => KeyvalText.Parse(text, "driver", out _)).Message);

    [Theory]
    [InlineData("help", true)]
    [InlineData("?", true)]
    [InlineData("raw,help", true)]
    [InlineData("raw,a=help", false)]
    public void HelpIsAWordAlone(string text, bool expected)
    {
        KeyvalText.Parse(text, "driver", out var asksForHelp);
        Assert.Equal(expected, asksForHelp);
    }

    [Theory]
    [InlineData("null-co,size=0x10,latency-ns=010,read-zeroes=on", """{"driver":"null-co","size":16,"latency-ns":8,"read-zeroes":true}""")]
    [InlineData("null-co,size=-1", """{"driver":"null-co","size":-1}""")]
    [InlineData("qcow2,file=f,backing.driver=null-co,cache.direct=no", """{"driver":"qcow2","cache":{"direct":false},"file":"f","backing":{"driver":"null-co"}}""")]
    public void ValuesGetTheTypesOfTheDefinition(string text, string expected) => Assert.Equal(expected, Check(text));

    [Theory]
    [InlineData("null-co,size=1k", "Parameter 'size' expects integer")]
    [InlineData("null-co,size=9223372036854775808", "Parameter 'size' expects integer")]
    [InlineData("null-co,size=08", "Parameter 'size' expects integer")]
    [InlineData("null-co,read-only=maybe", "Parameter 'read-only' expects 'on' or 'off'")]
    [InlineData("null-co,read-only.x=on", "Parameters 'read-only.*' are unexpected")]
    [InlineData("null-co,cache=1", "Invalid parameter type for 'cache', expected: object")]
    [InlineData("null-co,cache.x=1", "Parameter 'cache.x' is unexpected")]
    [InlineData("qcow2,file.driver=null-co,file.size=x", "Parameter 'file.size' expects integer")]
    public void ValuesOfOtherTypesAreRefused(string text, string expected) =>
        Assert.Equal(expected, Assert.Throws<QmpException>(() => Check(text)).Message);

    private static string Check(string text) => JsonSerializer.Serialize(
        ArgumentChecker.CheckText((ObjectType)QapiSchema.Current.Type("BlockdevOptions"), KeyvalText.Parse(text, "driver", out _)),
        JsonSerializerOptions.Default);
}
