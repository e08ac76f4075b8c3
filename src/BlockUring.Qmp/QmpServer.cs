using BlockUring.Qmp.Channels;
using BlockUring.Qmp.Hmp;

namespace BlockUring.Qmp;

/// <summary>The monitors of a daemon: each serves the clients of one character device, one after the other.</summary>
public sealed class QmpServer(MonitorContext context)
{
    // How long the last replies may take to leave.
    private static readonly TimeSpan LastWordsStep = TimeSpan.FromMilliseconds(5);
    private const int LastWordsStepCount = 100;

    private readonly List<LineSession> lineSessions = [];
    private readonly List<Func<ValueTask>> held = [];
    private bool isStopping;

    /// <summary>Whether monitors wait for <see cref="Release"/> before they serve anybody: until a start is complete, no command meets half of it.</summary>
    public bool IsHeld { get; init; }

    /// <summary>Lets monitors serve that were held back. To be called once.</summary>
    public void Release()
    {
        foreach (var serve in held)
            context.Loops.Start(serve);
        held.Clear();
    }

    /// <summary>Starts to serve the clients of a device.</summary>
    /// <param name="chardev">Of the context; no other monitor uses it.</param>
    /// <param name="isPretty">Whether messages go over several lines.</param>
    public void AddMonitor(Chardev chardev, bool isPretty)
    {
        Take(chardev);
        Serve(() => ServeAsync(chardev, isPretty));
    }

    /// <summary>Starts to serve people who type lines to a device.</summary>
    /// <param name="chardev">Of the context; no other monitor uses it.</param>
    public void AddLineMonitor(Chardev chardev)
    {
        Take(chardev);
        Serve(() => ServeLinesAsync(chardev));
    }

    /// <summary>Sends what is left to be sent, and disconnects everybody.</summary>
    public async ValueTask StopAsync()
    {
        isStopping = true;
        foreach (var chardev in context.Chardevs)
            await chardev.StopAsync();
        for (var i = 0; i < LastWordsStepCount && context.Events.Sessions.Any(s => !s.IsQuiet); i++)
            await context.Scheduler.DelayAsync(LastWordsStep);
        foreach (var session in context.Events.Sessions.ToArray())
            await session.CloseAsync();
        foreach (var session in lineSessions.ToArray())
            await session.CloseAsync();
        while (context.Events.Sessions.Count + lineSessions.Count > 0)
            await context.Scheduler.DelayAsync(LastWordsStep);
    }

    private void Take(Chardev chardev)
    {
        if (chardev.HasFrontend)
            throw new QmpException($"Device '{chardev.Label}' is in use");
        chardev.HasFrontend = true;
    }

    private async ValueTask ServeLinesAsync(Chardev chardev)
    {
        while (!isStopping && await chardev.NextClientAsync() is { } channel)
        {
            using (channel)
            {
                var session = new LineSession(context, channel);
                lineSessions.Add(session);
                await session.RunAsync();
                lineSessions.Remove(session);
            }
        }
    }

    private void Serve(Func<ValueTask> serve)
    {
        if (IsHeld)
            held.Add(serve);
        else
            context.Loops.Start(serve);
    }

    private async ValueTask ServeAsync(Chardev chardev, bool isPretty)
    {
        while (!isStopping && await chardev.NextClientAsync() is { } channel)
        {
            using (channel)
            {
                var session = new QmpSession(context, context.Dispatcher, channel, isPretty);
                context.Events.Add(session);
                await session.RunAsync();
                context.Events.Remove(session);
            }
        }
    }
}
