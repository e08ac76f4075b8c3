using System.Runtime.InteropServices;
using BlockUring.Compare;
using BlockUring.Compare.Cases;
using BlockUring.Compare.Measuring;
using BlockUring.Compare.Reports;
using BlockUring.Compare.Running;

const int interruptedExitCode = 130;

return new CommandLine().Build(Run).Parse(args).Invoke();

static int Run(CompareOptions options)
{
    using var interrupt = new CancellationTokenSource();
    using var onInterrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Interrupt);
    using var onTerminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Interrupt);
    using var onHangUp = PosixSignalRegistration.Create(PosixSignal.SIGHUP, Interrupt);

    // Why cancelled: the default action would end the process before devices and mounts are gone.
    void Interrupt(PosixSignalContext context)
    {
        context.Cancel = true;
        interrupt.Cancel();
    }

    try
    {
        return Measure(options, interrupt.Token);
    }
    catch (ToolException error)
    {
        Console.Error.WriteLine($"blockuring-compare: {error.Message}");
        return 1;
    }
}

static int Measure(CompareOptions options, CancellationToken cancellation)
{
    var subject = options.SelfCheck ? SubjectProgram.Opponent : SubjectProgram.Of(options.Binary);
    TimedProcess.BecomeSubreaper();
    if (!Tool.Exists("qemu-img"))
        throw new ToolException("qemu-img is not installed: it makes the sources and checks the targets");
    var console = new ConsoleReport(options.SelfCheck);
    var host = HostFacts.Read(options, subject.Image);
    var run = new CompareRun(options, subject, console, cancellation);
    var isInterrupted = false;
    try
    {
        run.Execute();
    }
    catch (OperationCanceledException)
    {
        isInterrupted = true;
    }

    var report = new Report
    {
        Options = options,
        Host = host,
        Stages = run.Stages,
        Rows = run.Rows,
        Notes = run.Notes,
        IsInterrupted = isInterrupted,
    };
    console.Show(report);
    if (options.JsonPath is { } jsonPath)
        JsonReport.Write(report, jsonPath);
    if (options.HtmlPath is { } htmlPath)
        HtmlReport.Write(report, htmlPath);
    if (isInterrupted)
        return interruptedExitCode;
    return report.Rows.Count == 0 || report.Rows.Any(row => row.IsFailure) ? 1 : 0;
}
