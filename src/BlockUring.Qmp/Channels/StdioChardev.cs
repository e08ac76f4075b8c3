using BlockUring.Native.Channels;
using BlockUring.Native.Uring;

namespace BlockUring.Qmp.Channels;

/// <summary>Standard input and output: one client, there from the start.</summary>
internal sealed class StdioChardev(IoThread thread, string label, int input = 0, int output = 1) : OneClientChardev(label)
{
    /// <inheritdoc/>
    public override string Filename => "stdio";

    /// <inheritdoc/>
    internal override bool IsStandardStream => true;

    /// <inheritdoc/>
    protected override ByteChannel Connect() => new StreamChannel(thread, input, output);
}
