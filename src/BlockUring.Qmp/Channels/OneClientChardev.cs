using BlockUring.Native.Channels;
using BlockUring.Storage;

namespace BlockUring.Qmp.Channels;

/// <summary>A device whose only client, if there is one at all, is there from the start.</summary>
internal abstract class OneClientChardev(string label) : Chardev(label)
{
    private readonly Arrival stopped = new();
    private bool isTaken;
    private bool isStopping;

    /// <summary>Whether the client was there and has gone.</summary>
    protected bool HasLeft { get; private set; }

    /// <inheritdoc/>
    public sealed override async ValueTask<ByteChannel?> NextClientAsync()
    {
        if (!isTaken && !isStopping)
        {
            isTaken = true;
            if (Connect() is { } client)
                return client;
        }

        HasLeft = true;
        if (!isStopping)
            await stopped;
        return null;
    }

    /// <inheritdoc/>
    public sealed override ValueTask StopAsync()
    {
        if (isStopping)
            return default;
        isStopping = true;
        if (!isTaken)
            Abandon();
        stopped.Succeed();
        return default;
    }

    /// <summary>The channel of the client, asked for once; null for no client.</summary>
    protected abstract ByteChannel? Connect();

    /// <summary>The client will never be asked for.</summary>
    protected virtual void Abandon()
    {
    }
}
