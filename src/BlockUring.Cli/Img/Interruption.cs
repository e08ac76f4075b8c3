using System.Runtime.InteropServices;

namespace BlockUring.Cli.Img;

/// <summary>Turns SIGINT, SIGTERM and SIGHUP into a cancellation while it exists, so that a command can clean up before it ends.</summary>
internal sealed class Interruption : IDisposable
{
    private const int SignalExitBase = 128;

    private readonly CancellationTokenSource source = new();
    private readonly PosixSignalRegistration[] registrations;
    private volatile int exitCode;

    /// <summary>Starts to listen.</summary>
    public Interruption() => registrations = [Listen(PosixSignal.SIGINT, 2), Listen(PosixSignal.SIGTERM, 15), Listen(PosixSignal.SIGHUP, 1)];

    /// <summary>Cancelled by the first signal.</summary>
    public CancellationToken Token => source.Token;

    /// <summary>The exit code that a shell gives a program which the signal ended; 0 before any signal.</summary>
    public int ExitCode => exitCode;

    /// <summary>Gives the signals back.</summary>
    public void Dispose()
    {
        foreach (var registration in registrations)
            registration.Dispose();
        source.Dispose();
    }

    private PosixSignalRegistration Listen(PosixSignal signal, int number) => PosixSignalRegistration.Create(signal, context =>
    {
        context.Cancel = true;
        exitCode = SignalExitBase + number;
        source.Cancel();
    });
}
