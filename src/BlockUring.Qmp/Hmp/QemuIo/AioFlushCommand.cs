namespace BlockUring.Qmp.Hmp.QemuIo;

/// <summary>aio_flush: waits for the requests that earlier commands started, and prints what they say.</summary>
internal sealed class AioFlushCommand() : QemuIoCommand("aio_flush", "completes all outstanding aio requests")
{
    /// <inheritdoc/>
    public override ValueTask RunAsync(QemuIoCall call) => call.Requests.WaitAsync();
}
