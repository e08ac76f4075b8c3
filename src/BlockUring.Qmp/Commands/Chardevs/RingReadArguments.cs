namespace BlockUring.Qmp.Commands.Chardevs;

/// <summary>Arguments of ringbuf-read.</summary>
/// <param name="Device">Names the device.</param>
/// <param name="Size">Bytes, at most.</param>
/// <param name="Format">utf8 or base64; utf8 by default.</param>
internal sealed record RingReadArguments(string Device, long Size, string? Format);
