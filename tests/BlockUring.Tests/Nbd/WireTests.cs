using BlockUring.Nbd.Wire;
using Xunit;

namespace BlockUring.Tests.Nbd;

public sealed class WireTests
{
    [Theory, InlineData(false), InlineData(true)]
    public void RequestsAreReadAsTheyWereWritten(bool isExtended)
    {
        var length = isExtended ? ulong.MaxValue - 1 : uint.MaxValue - 1;
        var request = new NbdRequest(NbdCommandFlags.FastZero, NbdCommand.WriteZeroes, 0x0102030405060708, ulong.MaxValue - 2, length);
        var bytes = new byte[NbdRequest.Bytes(isExtended)];
        Assert.Equal(bytes.Length, request.Write(bytes, isExtended));
        Assert.True(NbdRequest.TryRead(bytes, isExtended, out var read));
        Assert.Equal(request, read);
        Assert.False(NbdRequest.TryRead(bytes, !isExtended, out _));
        Assert.False(NbdRequest.TryRead(bytes.AsSpan(0, bytes.Length - 1), isExtended, out _));
    }

    [Fact]
    public void ARequestLiesOnTheWireAsTheProtocolSays()
    {
        var bytes = new byte[NbdLimits.RequestBytes];
        new NbdRequest(NbdCommandFlags.ForceUnitAccess, NbdCommand.Write, 2, 3, 4).Write(bytes, false);
        Assert.Equal("256095130001000100000000000000020000000000000003" + "00000004", Convert.ToHexStringLower(bytes));
        var extended = new byte[NbdLimits.ExtendedRequestBytes];
        new NbdRequest(NbdCommandFlags.PayloadLength, NbdCommand.Write, 2, 3, 4).Write(extended, true);
        Assert.Equal("21e41c710020000100000000000000020000000000000003" + "0000000000000004", Convert.ToHexStringLower(extended));
    }

    [Theory, InlineData(NbdReplyStyle.Simple), InlineData(NbdReplyStyle.Structured), InlineData(NbdReplyStyle.Extended)]
    public void RepliesAreReadAsTheyWereWritten(NbdReplyStyle style)
    {
        var simple = NbdReply.Simple(5, NbdError.NoSpace);
        var chunk = NbdReply.Chunk(NbdReplyFlags.Done, NbdReplyType.OffsetHole, 6, style == NbdReplyStyle.Extended ? 7u : 0, 12);
        foreach (var reply in new[] { simple, chunk })
        {
            var isAgreed = reply.IsSimple ? style != NbdReplyStyle.Extended : style != NbdReplyStyle.Simple;
            var bytes = new byte[reply.Bytes(style)];
            Assert.Equal(bytes.Length, reply.Write(bytes, style));
            Assert.Equal(isAgreed ? bytes.Length : 0, NbdReply.BytesOf(bytes, style));
            Assert.Equal(isAgreed, NbdReply.TryRead(bytes, style, out var read));
            Assert.False(NbdReply.TryRead(bytes.AsSpan(0, bytes.Length - 1), style, out _));
            if (isAgreed)
                Assert.Equal(reply, read);
        }
    }

    [Fact]
    public void OptionsAreReadAsTheyWereWritten()
    {
        var option = new NbdOptionHeader(NbdOption.SetMetaContext, 77);
        var bytes = new byte[NbdLimits.OptionReplyBytes];
        option.Write(bytes);
        Assert.True(NbdOptionHeader.TryRead(bytes, out var read));
        Assert.Equal(option, read);
        Assert.False(NbdOptionReplyHeader.TryRead(bytes, out _));
        var reply = new NbdOptionReplyHeader(NbdOption.Go, NbdOptionReply.Unknown, 3);
        reply.Write(bytes);
        Assert.True(NbdOptionReplyHeader.TryRead(bytes, out var readReply));
        Assert.Equal(reply, readReply);
        Assert.True(readReply.IsError);
        Assert.False(NbdOptionHeader.TryRead(bytes, out _));
    }

    [Fact]
    public void TextIsHeldAgainstItsRules()
    {
        Assert.True(Read([0, 0, 0, 2, .. "ab"u8], out var text));
        Assert.Equal("ab", text);
        Assert.False(Read([0, 0, 0, 3, .. "ab"u8], out _));
        Assert.False(Read([0, 0, 0, 2, 0xc3, 0x28], out _));
        Assert.False(Read([0, 0, 0, 2, .. "a\0"u8], out _));
        Assert.False(Read([0, 0, 0x10, 1, .. new byte[4097]], out _));
        Assert.False(Read([0xff, 0xff, 0xff, 0xff], out _));

        static bool Read(byte[] bytes, out string? text)
        {
            var reader = new WireReader(bytes);
            return reader.TryReadLengthAndText(out text);
        }
    }
}
