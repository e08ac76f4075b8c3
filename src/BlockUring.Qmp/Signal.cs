using BlockUring.Storage;

namespace BlockUring.Qmp;

/// <summary>Something that happens again and again, for one loop that waits for it. What happens while it does not wait is not kept.</summary>
internal sealed class Signal
{
    private Arrival? waiting;

    /// <summary>Ends after the next <see cref="Raise"/>.</summary>
    public async ValueTask WaitAsync() => await (waiting ??= new Arrival());

    /// <summary>Lets the waiting go on, right here.</summary>
    public void Raise()
    {
        var ended = waiting;
        waiting = null;
        ended?.Succeed();
    }
}
