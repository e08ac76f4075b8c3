using System.Text.Json;
using BlockUring.Qmp;
using BlockUring.Qmp.Schema;
using Xunit;

namespace BlockUring.Tests.Qmp;

/// <summary>The words are those of qemu-storage-daemon 7.2.</summary>
public class ArgumentCheckerTests
{
    [Theory]
    [InlineData("block-job-set-speed", """{"device":"x"}""", "Parameter 'speed' is missing")]
    [InlineData("block-job-set-speed", """{"device":1,"speed":1}""", "Invalid parameter type for 'device', expected: string")]
    [InlineData("block-job-set-speed", """{"device":"x","speed":1.5}""", "Invalid parameter type for 'speed', expected: integer")]
    [InlineData("block-job-set-speed", """{"device":"x","speed":9223372036854775808}""", "Invalid parameter type for 'speed', expected: integer")]
    [InlineData("block-job-set-speed", """{"device":"x","speed":1,"foo":1}""", "Parameter 'foo' is unexpected")]
    [InlineData("block-job-cancel", """{"device":"x","force":1}""", "Invalid parameter type for 'force', expected: boolean")]
    [InlineData("block-set-write-threshold", """{"node-name":"x","write-threshold":1.0}""", "Parameter 'write-threshold' expects uint64")]
    [InlineData("block-dirty-bitmap-add", """{"node":"x","name":"y","granularity":-1}""", "Parameter 'granularity' expects uint32_t")]
    [InlineData("block-dirty-bitmap-add", """{"node":"x","name":"y","granularity":"64k"}""", "Parameter 'granularity' expects uint64")]
    [InlineData("blockdev-add", """{"driver":"foo"}""", "Parameter 'driver' does not accept value 'foo'")]
    [InlineData("blockdev-add", """{"driver":"qcow2","file":1}""", "Invalid parameter type for 'file', expected: BlockdevRef")]
    [InlineData("blockdev-add", """{"driver":"qcow2","file":{}}""", "Parameter 'file.driver' is missing")]
    [InlineData("blockdev-add", """{"driver":"qcow2","file":{"driver":"raw","file":{"driver":"file","filename":"x","foo":1}}}""", "Parameter 'file.file.foo' is unexpected")]
    [InlineData("blockdev-add", """{"driver":"qcow2","file":"a","backing":1}""", "Invalid parameter type for 'backing', expected: BlockdevRefOrNull")]
    [InlineData("blockdev-add", """{"driver":"qcow2","file":"a","overlap-check":{"template":"foo"}}""", "Parameter 'template' does not accept value 'foo'")]
    [InlineData("blockdev-add", """{"driver":"qcow2","file":"a","cache":1}""", "Invalid parameter type for 'cache', expected: object")]
    [InlineData("blockdev-add", """{"driver":"blkdebug","image":"a","inject-error":[{}]}""", "Parameter 'inject-error[0].event' is missing")]
    [InlineData("blockdev-add", """{"driver":"blkdebug","image":"a","max-transfer":2147483648}""", "Parameter 'max-transfer' expects int32_t")]
    [InlineData("blockdev-add", """{"driver":"blkdebug","image":"a","take-child-perms":["foo"]}""", "Parameter 'null' does not accept value 'foo'")]
    [InlineData("blockdev-reopen", """{"options":[{"driver":"null-co"},{"driver":"qcow2","file":{"driver":"file","filename":1}}]}""", "Invalid parameter type for 'options[1].file.filename', expected: string")]
    [InlineData("transaction", """{"actions":[{"type":"block-dirty-bitmap-merge","data":{"node":"x","target":"t","bitmaps":[1]}}]}""", "Invalid parameter type for 'null', expected: BlockDirtyBitmapOrStr")]
    [InlineData("x-blockdev-set-iothread", """{"node-name":"a","iothread":5}""", "Invalid parameter type for 'iothread', expected: StrOrNull")]
    [InlineData("query-version", """{"a":1}""", "Parameter 'a' is unexpected")]
    public void WrongArgumentsAreRefused(string command, string arguments, string expected) =>
        Assert.Equal(expected, Assert.Throws<QmpException>(() => Check(command, arguments)).Message);

    [Theory]
    [InlineData("block-set-write-threshold", """{"write-threshold":-1,"node-name":"x"}""", """{"node-name":"x","write-threshold":18446744073709551615}""")]
    [InlineData("blockdev-add", """{"node-name":"a","backing":null,"file":"b","driver":"qcow2"}""", """{"driver":"qcow2","node-name":"a","file":"b","backing":null}""")]
    [InlineData("query-version", "{}", "{}")]
    public void ArgumentsAreWrittenAsDefined(string command, string arguments, string expected) =>
        Assert.Equal(expected, Check(command, arguments).GetRawText());

    private static JsonElement Check(string command, string arguments)
    {
        Assert.True(QapiSchema.Current.TryGetCommand(command, out var definition));
        return ArgumentChecker.Check(definition.Arguments, JsonDocument.Parse(arguments).RootElement);
    }
}
