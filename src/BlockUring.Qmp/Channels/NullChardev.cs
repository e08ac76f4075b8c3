using BlockUring.Storage;

namespace BlockUring.Qmp.Channels;

/// <summary>A device that nobody ever connects to.</summary>
internal sealed class NullChardev(string label) : Chardev(label)
{
    private readonly Arrival stopped = new();
    private bool isStopping;

    /// <inheritdoc/>
    public override string Filename => "null";

    /// <inheritdoc/>
    public override async ValueTask<ByteChannel?> NextClientAsync()
    {
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
