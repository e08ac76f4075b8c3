using BlockUring.Nbd.Server;
using BlockUring.Nbd.Wire;
using BlockUring.Tests.Graph;
using Xunit;

namespace BlockUring.Tests.Nbd;

/// <summary>What peers do not ask for by themselves: limits, refusals, draining, extended headers.</summary>
public sealed class ServerTests
{
    [Fact]
    public void AReadBehindAClosedGateWaitsAndGoesOn()
    {
        using var world = new ServerWorld();
        var channel = world.Enter(NbdReplyStyle.Simple);
        var section = GraphWorld.Done(world.Graphs.Graph.DrainAsync(world.Node));
        var request = ServerWorld.Request(false, NbdCommandFlags.None, NbdCommand.Read, 7, 0, 512);
        Assert.Empty(world.Send(channel, request));
        section.Dispose();
        world.Run();
        var reply = channel.Take();
        Assert.Equal(NbdLimits.SimpleReplyBytes + 512, reply.Length);
        Assert.True(NbdReply.TryRead(reply, NbdReplyStyle.Simple, out var read));
        Assert.Equal(NbdReply.Simple(7, NbdError.None), read);
    }

    [Theory, InlineData(NbdReplyStyle.Simple), InlineData(NbdReplyStyle.Structured), InlineData(NbdReplyStyle.Extended)]
    public void WhatIsWrittenIsRead(NbdReplyStyle style)
    {
        using var world = new ServerWorld();
        var channel = world.Enter(style);
        var isExtended = style == NbdReplyStyle.Extended;
        var payload = new byte[300_000];
        new Random(1).NextBytes(payload);
        var flags = isExtended ? NbdCommandFlags.PayloadLength : NbdCommandFlags.None;
        var written = world.Send(channel, ServerWorld.Request(isExtended, flags, NbdCommand.Write, 1, 4321, (ulong)payload.Length, payload));
        Assert.True(NbdReply.TryRead(written, style, out var reply));
        Assert.Equal((1ul, NbdError.None), (reply.Cookie, reply.Error));
        var read = world.Send(channel, ServerWorld.Request(isExtended, NbdCommandFlags.None, NbdCommand.Read, 2, 4321, (ulong)payload.Length));
        var head = style == NbdReplyStyle.Simple ? NbdLimits.SimpleReplyBytes : reply.IsSimple ? NbdLimits.StructuredReplyBytes + 8 : NbdLimits.ExtendedReplyBytes + 8;
        Assert.Equal(payload, read[head..]);
    }

    [Fact]
    public void ZeroesAreSentAsAHole()
    {
        using var world = new ServerWorld();
        var channel = world.Enter(NbdReplyStyle.Structured);
        var reply = world.Send(channel, ServerWorld.Request(false, NbdCommandFlags.None, NbdCommand.Read, 2, 65536, 262144));
        Assert.True(NbdReply.TryRead(reply, NbdReplyStyle.Structured, out var read));
        Assert.Equal(NbdReply.Chunk(NbdReplyFlags.Done, NbdReplyType.OffsetHole, 2, 0, 12), read);
        Assert.Equal("0000000000010000" + "00040000", Convert.ToHexStringLower(reply[NbdLimits.StructuredReplyBytes..]));
    }

    [Fact]
    public void ALongRequestWithAnExtendedHeaderIsOne()
    {
        using var world = new ServerWorld();
        world.Graphs.Write(world.Node, 0, ServerWorld.Length, 9);
        var channel = world.Enter(NbdReplyStyle.Extended);
        var reply = world.Send(channel, ServerWorld.Request(true, NbdCommandFlags.None, NbdCommand.WriteZeroes, 2, 0, ServerWorld.Length));
        Assert.True(NbdReply.TryRead(reply, NbdReplyStyle.Extended, out var read));
        Assert.Equal(NbdReply.Chunk(NbdReplyFlags.Done, NbdReplyType.None, 2, 0, 0), read);
        world.Graphs.Expect(world.Node, 0, ServerWorld.Length, 0);
    }

    [Theory]
    [InlineData(NbdCommand.Read, 0, ServerWorld.Length, 1, NbdError.Invalid)]
    [InlineData(NbdCommand.WriteZeroes, 0, ServerWorld.Length, 1, NbdError.NoSpace)]
    [InlineData(NbdCommand.Trim, 0, ServerWorld.Length - 5, 6, NbdError.Invalid)]
    [InlineData(NbdCommand.Read, 0, 0, 64 << 20, NbdError.Invalid)]
    [InlineData(NbdCommand.Read, 4, 0, 512, NbdError.Invalid)]
    [InlineData(NbdCommand.WriteZeroes, 16, 1, 512, NbdError.NotSupported)]
    [InlineData(NbdCommand.BlockStatus, 0, 0, 512, NbdError.Invalid)]
    [InlineData((NbdCommand)99, 0, 0, 0, NbdError.Invalid)]
    public void WrongRequestsAreRefusedAndTheConnectionGoesOn(NbdCommand command, int flags, int offset, int length, NbdError expected)
    {
        using var world = new ServerWorld();
        var channel = world.Enter(NbdReplyStyle.Simple);
        var reply = world.Send(channel, ServerWorld.Request(false, (NbdCommandFlags)flags, command, 3, (ulong)offset, (ulong)length));
        Assert.True(NbdReply.TryRead(reply, NbdReplyStyle.Simple, out var read));
        Assert.Equal(NbdReply.Simple(3, expected), read);
        Assert.Equal(NbdLimits.SimpleReplyBytes, world.Send(channel, ServerWorld.Request(false, 0, NbdCommand.Flush, 4, 0, 0)).Length);
    }

    [Fact]
    public void WritesToAReadOnlyExportAreRefusedBehindTheirPayload()
    {
        using var world = new ServerWorld(isWritable: false);
        var channel = world.Enter(NbdReplyStyle.Simple);
        var reply = world.Send(channel, ServerWorld.Request(false, NbdCommandFlags.None, NbdCommand.Write, 3, 0, 512, new byte[512]));
        Assert.True(NbdReply.TryRead(reply, NbdReplyStyle.Simple, out var read));
        Assert.Equal(NbdReply.Simple(3, NbdError.NotPermitted), read);
        Assert.Equal(NbdLimits.SimpleReplyBytes, world.Send(channel, ServerWorld.Request(false, 0, NbdCommand.Flush, 4, 0, 0)).Length);
    }

    [Fact]
    public void AHandshakeThatTakesTooLongEnds()
    {
        using var world = new ServerWorld();
        var channel = world.Connect();
        world.Run(TimeSpan.FromSeconds(9));
        Assert.False(channel.IsShutDown);
        world.Run(TimeSpan.FromSeconds(2));
        Assert.True(channel.IsShutDown);
        Assert.Equal(0, world.Server.ConnectionCount);
    }

    [Fact]
    public void AClientInTransmissionMayTakeItsTime()
    {
        using var world = new ServerWorld();
        var channel = world.Enter(NbdReplyStyle.Structured);
        world.Run(TimeSpan.FromMinutes(10));
        Assert.False(channel.IsShutDown);
        Assert.Equal(1, world.Export.ConnectionCount);
    }

    [Fact]
    public void OnlyTlsIsTakenWhereItIsRequired()
    {
        var options = new NbdServerOptions { Encrypt = _ => throw new IOException("no"), RequiresEncryption = true };
        using var world = new ServerWorld(options);
        var channel = world.Connect();
        var reply = world.Send(channel, [.. ServerWorld.ClientFlags, .. ServerWorld.Option(NbdOption.Go, ServerWorld.GoData("e"))]);
        Assert.True(NbdOptionReplyHeader.TryRead(reply, out var read));
        Assert.Equal(NbdOptionReply.TlsRequired, read.Reply);
        reply = world.Send(channel, ServerWorld.Option(NbdOption.StartTls));
        Assert.True(NbdOptionReplyHeader.TryRead(reply, out read));
        Assert.Equal(NbdOptionReply.Acknowledge, read.Reply);
        Assert.Equal(0, world.Server.ConnectionCount);
    }

    [Fact]
    public void WithTlsTheHandshakeBeginsAnew()
    {
        var encrypted = new Qmp.MemoryChannel();
        var options = new NbdServerOptions { Encrypt = _ => new(encrypted), RequiresEncryption = true };
        using var world = new ServerWorld(options);
        var channel = world.Connect();
        world.Send(channel, [.. ServerWorld.ClientFlags, .. ServerWorld.Option(NbdOption.StartTls)]);
        var reply = world.Send(encrypted, ServerWorld.Option(NbdOption.Go, ServerWorld.GoData("e")));
        Assert.True(NbdOptionReplyHeader.TryRead(reply, out var read));
        Assert.Equal(NbdOptionReply.Info, read.Reply);
        Assert.Equal(1, world.Export.ConnectionCount);
    }

    [Fact]
    public void AClientThatDoesNotReadHoldsABoundedAmount()
    {
        var options = new NbdServerOptions { MaxPayloadBytes = 4 << 20, MaxConnectionPayloadBytes = 2 << 20 };
        using var world = new ServerWorld(options);
        world.Graphs.Write(world.Node, 0, ServerWorld.Length, 9);
        var before = world.Buffers.RentedBytes;
        var channel = world.Enter(NbdReplyStyle.Structured);
        channel.MaxOutgoingBytes = 0;
        for (var i = 0; i < 200; i++)
            channel.Write(ServerWorld.Request(false, NbdCommandFlags.None, NbdCommand.Read, (ulong)i, 0, 1 << 18));
        world.Run();
        Assert.InRange(world.Buffers.RentedBytes - before, 1 << 20, 4 << 20);
        channel.MaxOutgoingBytes = int.MaxValue;
        channel.Take();
        world.Run();
        Assert.Equal(200 * ((1 << 18) + NbdLimits.StructuredReplyBytes + 8), channel.Take().Length);
        channel.Close();
        world.Run();
        Assert.Equal(before, world.Buffers.RentedBytes);
    }

    [Fact]
    public void AnExportThatIsRemovedDisconnectsItsClients()
    {
        using var world = new ServerWorld();
        var channel = world.Enter(NbdReplyStyle.Structured);
        GraphWorld.Done(world.Server.RemoveAsync(world.Export));
        Assert.True(channel.IsShutDown);
        Assert.Empty(world.Node.Parents);
        world.Graphs.Delete("disk");
    }

    [Fact]
    public void ClientsSeeTheLengthThatTheDiskHasNow()
    {
        using var world = new ServerWorld();
        var channel = world.Enter(NbdReplyStyle.Simple);
        GraphWorld.Done(BlockUring.Graph.NodeResize.RunAsync(world.Graphs.Graph, world.Node, 4096));
        var reply = world.Send(channel, ServerWorld.Request(false, NbdCommandFlags.None, NbdCommand.Read, 3, 4096, 512));
        Assert.True(NbdReply.TryRead(reply, NbdReplyStyle.Simple, out var read));
        Assert.Equal(NbdReply.Simple(3, NbdError.Invalid), read);
    }
}
