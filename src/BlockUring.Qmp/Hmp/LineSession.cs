using System.Text;
using BlockUring.Native.Channels;
using BlockUring.Native.Memory;
using BlockUring.Qmp.Commands;
using BlockUring.Qmp.Wire;

namespace BlockUring.Qmp.Hmp;

/// <summary>Somebody who types lines to the human monitor, from the prompt to the end.</summary>
internal sealed class LineSession(MonitorContext context, ByteChannel channel)
{
    private const string Prompt = "(qemu) ";

    private readonly LineEditor editor = new();
    private bool hasEnded;

    /// <summary>Serves the client until it or the monitor ends it.</summary>
    public async ValueTask RunAsync()
    {
        using var received = context.Scheduler.Buffers.Rent(WireLimits.TransferBytes);
        using var sent = context.Scheduler.Buffers.Rent(WireLimits.TransferBytes);
        var version = VersionInfo.Current.Qemu;
        await SendAsync(
            sent, $"QEMU {version.Major}.{version.Minor}.{version.Micro} monitor - type 'help' for more information\r\n{Prompt}");
        while (!hasEnded)
        {
            var count = await channel.ReceiveAsync(received.Memory);
            if (count <= 0)
                break;
            for (var i = 0; i < count && !hasEnded; i++)
                await TakeAsync(received.Span[i], sent);
            await SendAsync(sent, editor.TakeEcho());
        }

        hasEnded = true;
        await channel.ShutdownAsync();
    }

    /// <summary>Ends the session soon.</summary>
    public async ValueTask CloseAsync()
    {
        hasEnded = true;
        await channel.ShutdownAsync();
    }

    private async ValueTask TakeAsync(byte one, IoBuffer buffer)
    {
        if (editor.Feed(one) is not { } line)
            return;
        await SendAsync(buffer, editor.TakeEcho());
        if (line.Trim() is "quit" or "q")
        {
            hasEnded = true;
            await context.Dispatcher.RunInTurnAsync(() =>
            {
                context.Quit();
                return ValueTask.CompletedTask;
            });
            return;
        }

        var answer = "";
        await context.Dispatcher.RunInTurnAsync(async () => answer = await context.HumanMonitor.RunAsync(line));
        await SendAsync(buffer, Encoding.Latin1.GetString(Encoding.UTF8.GetBytes(answer)) + Prompt);
    }

    // One character a byte.
    private async ValueTask SendAsync(IoBuffer buffer, string text)
    {
        for (var start = 0; start < text.Length && !hasEnded;)
        {
            var count = Encoding.Latin1.GetBytes(text.AsSpan(start, Math.Min(buffer.Length, text.Length - start)), buffer.Span);
            var taken = await channel.SendAsync(buffer.Memory.Slice(0, count));
            hasEnded |= taken <= 0;
            start += Math.Max(taken, 0);
        }
    }
}
