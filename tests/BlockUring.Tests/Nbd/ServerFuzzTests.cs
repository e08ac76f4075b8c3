using System.Globalization;
using BlockUring.Nbd.Wire;
using Xunit;

namespace BlockUring.Tests.Nbd;

/// <summary>
/// Clients that lie: sequences of good messages with something wrong in them, cut anywhere. Each must end in a disconnect, with all buffers returned
/// and nothing in flight. BLOCKURING_FUZZ_COUNT asks for more, BLOCKURING_FUZZ_SEED for other ones.
/// </summary>
public sealed class ServerFuzzTests(ITestOutputHelper output)
{
    [Fact]
    public void MutatedClientsEndInCleanDisconnects()
    {
        var count = int.Parse(Environment.GetEnvironmentVariable("BLOCKURING_FUZZ_COUNT") ?? "4000", CultureInfo.InvariantCulture);
        var first = int.Parse(Environment.GetEnvironmentVariable("BLOCKURING_FUZZ_SEED") ?? "1", CultureInfo.InvariantCulture);
        output.WriteLine($"seeds {first} to {first + count - 1}");
        using var world = new ServerWorld();
        var rented = world.Buffers.RentedBytes;
        var answered = 0;
        for (var seed = first; seed < first + count; seed++)
        {
            var random = new Random(seed);
            var sent = Play(world, random);
            answered += sent > 200 ? 1 : 0;
            Assert.True(world.Server.ConnectionCount == 0, $"seed {seed}: the connection did not end");
            Assert.True(world.Export.ConnectionCount == 0, $"seed {seed}: the export is still used");
            Assert.True(rented == world.Buffers.RentedBytes, $"seed {seed}: {world.Buffers.RentedBytes - rented} bytes are still rented");
        }

        // Why: a fuzz whose every client is turned away at the door would prove nothing.
        Assert.True(answered > count / 4, $"only {answered} clients were answered");
    }

    private static int Play(ServerWorld world, Random random)
    {
        var bytes = Compose(random);
        for (var i = random.Next(3); i > 0; i--)
            bytes = Mutate(bytes, random);
        var channel = world.Connect();
        channel.MaxTransferBytes = random.Next(4) == 0 ? random.Next(1, 40) : int.MaxValue;
        var sent = 0;
        for (var at = 0; at < bytes.Length;)
        {
            var part = Math.Min(bytes.Length - at, random.Next(2) == 0 ? random.Next(1, 64) : int.MaxValue);
            sent += world.Send(channel, bytes[at..(at + part)]).Length;
            at += part;
        }

        channel.Close();
        world.Run();
        return sent + channel.Take().Length;
    }

    private static byte[] Compose(Random random)
    {
        var style = (NbdReplyStyle)random.Next(3);
        List<byte> bytes = [.. ServerWorld.ClientFlags, .. ServerWorld.Option(ServerWorld.StyleOption(style))];
        if (random.Next(2) == 0)
            bytes.AddRange(ServerWorld.Option(NbdOption.SetMetaContext, ServerWorld.ContextData("e", NbdContexts.Allocation, "qemu:")));
        for (var i = random.Next(3); i > 0; i--)
            bytes.AddRange(AnyOption(random));
        bytes.AddRange(random.Next(8) == 0
            ? ServerWorld.Option(NbdOption.ExportName, (byte)'e')
            : ServerWorld.Option(NbdOption.Go, ServerWorld.GoData("e")));
        for (var i = random.Next(12); i > 0; i--)
            bytes.AddRange(AnyRequest(random, style == NbdReplyStyle.Extended));
        return [.. bytes];
    }

    private static byte[] AnyOption(Random random)
    {
        var option = (NbdOption)random.Next(14);
        return option switch
        {
            NbdOption.Info => ServerWorld.Option(option, ServerWorld.GoData(random.Next(2) == 0 ? "e" : "none")),
            NbdOption.ListMetaContext => ServerWorld.Option(option, ServerWorld.ContextData("e", "base:", "qemu:dirty-bitmap:")),
            NbdOption.Go or NbdOption.ExportName or NbdOption.Abort => ServerWorld.Option(NbdOption.List),
            _ => ServerWorld.Option(option, new byte[random.Next(2) * random.Next(100)]),
        };
    }

    private static byte[] AnyRequest(Random random, bool isExtended)
    {
        var command = (NbdCommand)random.Next(10);
        var flags = random.Next(3) == 0 ? (NbdCommandFlags)random.Next(64) : NbdCommandFlags.None;
        if (isExtended && command == NbdCommand.Write)
            flags |= NbdCommandFlags.PayloadLength;
        var offset = random.Next(8) == 0 ? (ulong)random.NextInt64() : (ulong)random.Next(ServerWorld.Length);
        var length = random.Next(8) switch
        {
            0 => (ulong)(uint)random.Next(),
            1 => 0u,
            _ => (ulong)Math.Min(random.Next(1 << random.Next(1, 17)), ServerWorld.Length - (int)(offset % ServerWorld.Length)),
        };
        var hasPayload = isExtended ? (flags & NbdCommandFlags.PayloadLength) != 0 : command == NbdCommand.Write;
        var payload = new byte[hasPayload ? (int)Math.Min(length, 1 << 16) : 0];
        random.NextBytes(payload);
        return ServerWorld.Request(isExtended, flags, command, (ulong)random.NextInt64(), offset, length, payload);
    }

    private static byte[] Mutate(byte[] bytes, Random random)
    {
        var at = random.Next(bytes.Length);
        switch (random.Next(5))
        {
            case 0:
                bytes[at] ^= (byte)(1 << random.Next(8));
                return bytes;
            case 1:
                bytes[at] = random.Next(2) == 0 ? (byte)0xff : (byte)0;
                return bytes;
            case 2:
                return bytes[..at].Length == 0 ? bytes : bytes[..at];
            case 3:
                return [.. bytes[..at], .. new byte[random.Next(1, 40)], .. bytes[at..]];
            default:
                var stop = Math.Min(bytes.Length, at + random.Next(1, 60));
                return [.. bytes[..stop], .. bytes[at..]];
        }
    }
}
