using System.Buffers.Text;

namespace BlockUring.Qmp;

/// <summary>Bytes as base64, in lines or not.</summary>
internal static class Base64Text
{
    /// <summary>The bytes that a text stands for.</summary>
    /// <param name="text">In ASCII; the ends of lines in it mean nothing.</param>
    /// <exception cref="QmpException">It is no base64.</exception>
    public static byte[] Decode(byte[] text)
    {
        var characters = Array.FindAll(text, b => b is not ((byte)'\n' or (byte)'\r'));
        if (!Base64.IsValid(characters, out var length))
            throw new QmpException("Base64 data contains invalid characters");
        var decoded = new byte[length];
        Base64.DecodeFromUtf8(characters, decoded, out _, out _);
        return decoded;
    }
}
