using System.Text;
using BlockUring.Qmp.Channels;

namespace BlockUring.Qmp.Commands.Chardevs;

/// <summary>ringbuf-read.</summary>
internal sealed class RingReadCommand()
    : QmpCommand<RingReadArguments, string>("ringbuf-read", QmpJson.Default.RingReadArguments, QmpJson.Default.String)
{
    /// <summary>The format of bytes that are no text.</summary>
    public const string Base64Format = "base64";

    private const int MaxCharacterBytes = 4;

    /// <summary>What a device keeps.</summary>
    /// <exception cref="QmpException">There is no such device, or it keeps nothing.</exception>
    public static RingBytes RingOf(MonitorContext context, string device)
    {
        var chardev = context.TryFindChardev(device) ?? throw new QmpException($"Device '{device}' not found");
        return chardev.Ring ?? throw new QmpException($"{device} is not a ringbuf device");
    }

    /// <inheritdoc/>
    protected override ValueTask<string> RunAsync(MonitorContext context, RingReadArguments arguments)
    {
        var ring = RingOf(context, arguments.Device);
        if (arguments.Size <= 0)
            throw new QmpException("size must be greater than zero");
        var isText = arguments.Format != Base64Format;
        var bytes = ring.Peek(arguments.Size);
        var count = isText && bytes.Length < ring.Count ? WholeCharacters(bytes) : bytes.Length;
        ring.Skip(count);
        return new(isText ? Encoding.UTF8.GetString(bytes, 0, count) : Convert.ToBase64String(bytes));
    }

    // Why: half a character would be lost twice, here and with the next read. It stays for the next one.
    private static int WholeCharacters(byte[] bytes)
    {
        for (var back = 1; back <= Math.Min(MaxCharacterBytes, bytes.Length - 1); back++)
        {
            var one = bytes[^back];
            if ((one & 0xC0) == 0x80)
                continue;
            var length = one >= 0xF0 ? 4 : one >= 0xE0 ? 3 : one >= 0xC0 ? 2 : 1;
            return length > back ? bytes.Length - back : bytes.Length;
        }

        return bytes.Length;
    }
}
