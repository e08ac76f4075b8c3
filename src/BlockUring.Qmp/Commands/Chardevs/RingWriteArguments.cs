namespace BlockUring.Qmp.Commands.Chardevs;

/// <summary>Arguments of ringbuf-write.</summary>
/// <param name="Device">Names the device.</param>
/// <param name="Data">What to add.</param>
/// <param name="Format">utf8 or base64; utf8 by default.</param>
internal sealed record RingWriteArguments(string Device, string Data, string? Format);
