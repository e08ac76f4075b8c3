using BlockUring.Cli.Img;
using BlockUring.Cli.Shell;
using BlockUring.Qmp.Schema;
using Xunit;

namespace BlockUring.Tests.Cli.Shell;

/// <summary>Commands as people write them become requests, and the definition says how they can go on.</summary>
public sealed class RequestTextTests
{
    private static readonly MonitorSchema Schema = new(SchemaIntrospection.Describe(QapiSchema.Current, _ => true));

    [Theory]
    [InlineData("query-jobs", """{"execute":"query-jobs"}""")]
    [InlineData("block-job-set-speed device=5 speed=7", """{"execute":"block-job-set-speed","arguments":{"device":"5","speed":7}}""")]
    [InlineData("block-null device=d auto-dismiss=off", """{"execute":"block-null","arguments":{"auto-dismiss":false,"device":"d"}}""")]
    [InlineData("blockdev-add driver=raw file.driver=null-co", """{"execute":"blockdev-add","arguments":{"driver":"raw","file":{"driver":"null-co"}}}""")]
    [InlineData("blockdev-add driver=raw file=7", """{"execute":"blockdev-add","arguments":{"driver":"raw","file":"7"}}""")]
    [InlineData("qmp_capabilities enable=['oob']", """{"execute":"qmp_capabilities","arguments":{"enable":["oob"]}}""")]
    [InlineData("block-null device='a b'", """{"execute":"block-null","arguments":{"device":"a b"}}""")]
    [InlineData("""{"execute": "query-jobs"}""", """{"execute": "query-jobs"}""")]
    public void LinesBecomeRequests(string line, string expected) => Assert.Equal(expected, RequestText.Make(RequestText.Split(line), Schema));

    [Fact]
    public void WordsWithoutKeyAreRefused() =>
        Assert.Equal("'x' is no argument: key=value is expected", Assert.Throws<CommandFailure>(() => RequestText.Make(["query-jobs", "x"], Schema)).Message);

    [Theory]
    [InlineData("query-block-j", "query-block-jobs ")]
    [InlineData("block-null dev", "device=")]
    [InlineData("block-null device=d ", "job-id= speed= auto-finalize= auto-dismiss= on-error=")]
    [InlineData("blockdev-add driver=qco", "driver=qcow2 ")]
    [InlineData("blockdev-add read-only=o", "read-only=on read-only=off ")]
    [InlineData("blockdev-add cache.d", "cache.direct=")]
    [InlineData("zork a", "")]
    public void WordsAreCompleted(string line, string expected) =>
        Assert.Equal(expected.Trim(), string.Join(' ', Completion.Find(Schema, line).Select(w => w.Trim())));

    [Fact]
    public void SeveralWordsShareAStart() => Assert.Equal("query-", Completion.CommonStart(["query-jobs", "query-version"]));
}
