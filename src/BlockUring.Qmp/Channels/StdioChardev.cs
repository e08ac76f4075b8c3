using BlockUring.Native.Uring;
using BlockUring.Storage;

namespace BlockUring.Qmp.Channels;

/// <summary>Standard input and output: one client, there from the start.</summary>
internal sealed class StdioChardev(IoThread thread, string label, int input = 0, int output = 1) : Chardev(label)
{
    private readonly Arrival stopped = new();
    private bool isTaken;
    private bool isStopping;

    /// <inheritdoc/>
    public override string Filename => "stdio";

    /// <inheritdoc/>
    public override async ValueTask<ByteChannel?> NextClientAsync()
    {
        if (!isTaken && !isStopping)
        {
            isTaken = true;
            return new StreamChannel(thread, input, output);
        }

        if (!isStopping)
            await stopped;
        return null;
    }

    /// <inheritdoc/>
    public override ValueTask StopAsync()
    {
        if (isStopping)
            return default;
        isStopping = true;
        stopped.Succeed();
        return default;
    }
}
