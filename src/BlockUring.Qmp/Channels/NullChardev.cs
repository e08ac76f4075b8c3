using BlockUring.Native.Channels;

namespace BlockUring.Qmp.Channels;

/// <summary>A device that nobody ever connects to.</summary>
internal sealed class NullChardev(string label) : OneClientChardev(label)
{
    /// <inheritdoc/>
    public override string Filename => "null";

    /// <inheritdoc/>
    protected override ByteChannel? Connect() => null;
}
