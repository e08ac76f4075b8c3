using System.Text;
using BlockUring.Native.Interop;

namespace BlockUring.Qmp.Objects;

/// <summary>A password or key as it is defined: given directly or in a file, in plain or encrypted by another one.</summary>
/// <param name="Data">The secret itself; null where it is in a file.</param>
/// <param name="File">The file that holds it.</param>
/// <param name="Format">"raw" or "base64"; null for raw.</param>
/// <param name="KeyId">The secret that is the key to this one; null for none.</param>
/// <param name="Iv">The initialization vector that goes with the key.</param>
public sealed record SecretDefinition(string? Data, string? File, string? Format, string? KeyId, string? Iv)
{
    private const int MaxBytes = 1 << 20;

    /// <summary>Refuses what gives no secret, or two.</summary>
    /// <exception cref="QmpException">In QEMU's words.</exception>
    public void DemandOne()
    {
        if (Data != null && File != null)
            throw new QmpException("'file' and 'data' are mutually exclusive");
        if (Data == null && File == null)
            throw new QmpException("Either 'file' or 'data' must be provided");
    }

    /// <summary>The secret. Reads the file on the calling thread.</summary>
    /// <param name="keyOf">The content of another secret.</param>
    /// <exception cref="QmpException">It cannot be read, or is no secret.</exception>
    public byte[] Resolve(Func<string, byte[]> keyOf)
    {
        DemandOne();
        if (Data != null)
            return Decode(Encoding.UTF8.GetBytes(Data), keyOf);
        var load = NewLoad();
        load.RunHere();
        return Decode(ContentOf(load), keyOf);
    }

    /// <summary>The secret, out of what was given.</summary>
    internal byte[] Decode(byte[] given, Func<string, byte[]> keyOf)
    {
        if (KeyId != null)
            return SecretDecryption.Run(keyOf(KeyId), Iv, Format ?? "raw", given);
        return Format == "base64" ? Base64Text.Decode(given) : given;
    }

    /// <summary>Reads the file, once it is run.</summary>
    internal FileLoad NewLoad() => new(File!, MaxBytes + 1);

    /// <summary>What was read.</summary>
    /// <exception cref="QmpException">Nothing, or too much.</exception>
    internal byte[] ContentOf(FileLoad load)
    {
        if (load.ErrorNumber == 0 && load.Content.Length <= MaxBytes)
            return load.Content;
        var reason = load.ErrorNumber == 0 ? $"more than {MaxBytes} bytes"
            : $"{(load.ErrorNumber == Errno.EISDIR ? "Error reading file" : "Failed to open file")} “{File}”: {Errno.Message(load.ErrorNumber)}";
        throw new QmpException($"Unable to read {File}: {reason}");
    }
}
