using System.Runtime.InteropServices;

namespace BlockUring.Cli.Img;

/// <summary>Takes notice of signals that end a program, so that work is stopped, and tidied up after, instead.</summary>
internal sealed class Interruption : IDisposable
{
    private readonly CancellationTokenSource source = new();
    private readonly PosixSignalRegistration[] registrations;

    /// <summary>From now on the signals no longer end the program.</summary>
    public Interruption()
    {
        registrations =
        [
            PosixSignalRegistration.Create(PosixSignal.SIGINT, context => Interrupt(context, 130)),
            PosixSignalRegistration.Create(PosixSignal.SIGTERM, context => Interrupt(context, 143)),
            PosixSignalRegistration.Create(PosixSignal.SIGHUP, context => Interrupt(context, 129)),
        ];
    }

    /// <summary>Cancelled by the first signal.</summary>
    public CancellationToken Token => source.Token;

    /// <summary>What a shell reports of a program that such a signal ended.</summary>
    public int ExitCode { get; private set; }

    public void Dispose()
    {
        foreach (var registration in registrations)
            registration.Dispose();
        source.Dispose();
    }

    // On a thread of the runtime's own, possibly while this is disposed.
    private void Interrupt(PosixSignalContext context, int exitCode)
    {
        context.Cancel = true;
        ExitCode = exitCode;
        try
        {
            source.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // The work has ended before.
        }
    }
}
