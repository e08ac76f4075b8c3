using System.Diagnostics;
using BlockUring.Cli.Img;
using BlockUring.Cli.Output;
using BlockUring.Graph;
using BlockUring.Jobs;
using BlockUring.Native.Uring;
using BlockUring.Nbd.Client;
using BlockUring.Storage;

namespace BlockUring.Cli.Jobs;

/// <summary>Nodes and one job on them, from its start to its end, with its progress.</summary>
internal sealed class JobSession
{
    private static readonly TimeSpan ProgressStep = TimeSpan.FromMilliseconds(100);

    private readonly IoThread thread;
    private readonly CommandOutput output;
    private readonly Arrival ended = new();
    private JobEvent? outcome;
    private bool hasEnded;

    private JobSession(IoThread thread, CommandOutput output)
    {
        this.thread = thread;
        this.output = output;
        Host = new LinuxFileHost(thread) { Protocols = [new NbdProtocol(thread)], Warn = Warn };
        Graph = new BlockGraph(thread, Host) { Warn = Warn };
        List = new JobList(Note);
    }

    /// <summary>Where files come from.</summary>
    public FileHost Host { get; }

    /// <summary>The nodes.</summary>
    public BlockGraph Graph { get; }

    /// <summary>Where the job is known.</summary>
    public JobList List { get; }

    /// <summary>Runs a command; the calling thread becomes its I/O thread.</summary>
    /// <returns>The exit code. Failures have been reported.</returns>
    public static int Run(CommandOutput output, Func<JobSession, ValueTask<int>> body)
    {
        try
        {
            return IoThread.Run(new IoThreadOptions(), thread => new JobSession(thread, output).RunAsync(body));
        }
        catch (Exception e) when (e is BlockException or CommandFailure or PlatformNotSupportedException)
        {
            output.Report(Launcher.ProgramName, e.Message);
            return 1;
        }
    }

    /// <summary>Runs a job, once, and says how fast it was.</summary>
    /// <param name="job">Is known and not started.</param>
    /// <param name="verb">What it has done with the bytes: "copied".</param>
    /// <param name="showsProgress">Whether to show progress where there is no terminal, too.</param>
    /// <returns>The exit code: 0, or that of the signal that ended it.</returns>
    /// <exception cref="CommandFailure">Why it failed.</exception>
    public async ValueTask<int> RunJobAsync(BlockJob job, string verb, bool showsProgress)
    {
        using var interruption = new Interruption();
        using var progress = ProgressReport.Start(output, showsProgress || output.IsTerminal, 1);
        progress.TotalBytes = job.Progress.Total;
        var start = Stopwatch.GetTimestamp();
        job.Start();
        using var registration = interruption.Token.Register(() => thread.Post(() => Cancel(job)));
        thread.Detach(ShowAsync(job, progress));
        await ended;
        var seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        if (outcome is JobEvent.Cancelled)
            return interruption.ExitCode;
        if (outcome is not JobEvent.Completed { Error: null } completed)
            throw new CommandFailure((outcome as JobEvent.Completed)?.Error ?? "The job has not run");
        progress.MoveTo(100);
        progress.Dispose();
        var rate = SizeFormat.Human((long)(completed.Offset / Math.Max(seconds, 1e-6)));
        output.Out.Write($"{SizeFormat.Human(completed.Offset)} {verb} in {SizeFormat.Fixed(seconds, 2)} s, {rate}/s\n");
        return 0;
    }

    private async ValueTask<int> RunAsync(Func<JobSession, ValueTask<int>> body)
    {
        try
        {
            return await body(this);
        }
        finally
        {
            await CloseAsync();
        }
    }

    /// <summary>Closes all nodes; images are flushed.</summary>
    public async ValueTask CloseAsync()
    {
        await List.CancelAllAsync();
        await GraphCloser.CloseAllAsync(Graph, Warn);
    }

    private async ValueTask ShowAsync(BlockJob job, ProgressReport progress)
    {
        while (!hasEnded)
        {
            if (job.Progress.Total > 0)
                progress.MoveTo((float)(100.0 * job.Progress.Current / job.Progress.Total));
            await thread.DelayAsync(ProgressStep);
        }
    }

    private void Cancel(BlockJob job)
    {
        if (!hasEnded && !job.IsCancelRequested && job.Status < JobStatus.Waiting)
            thread.Detach(job.CancelAsync(force: true));
    }

    // Nobody is writing: there is nothing to wait for.
    private void Complete(Job job)
    {
        if (!job.IsCancelRequested && job.IsReady)
            thread.Detach(job.CompleteAsync());
    }

    private void Note(JobEvent happened)
    {
        if (happened is JobEvent.Completed or JobEvent.Cancelled)
            outcome = happened;
        if (happened is JobEvent.Ready)
            thread.Post(() => Complete(List.Find(happened.JobId)));
        if (happened is not JobEvent.StatusChange { Status: JobStatus.Null } || hasEnded)
            return;
        hasEnded = true;
        thread.Post(ended.Succeed);
    }

    private void Warn(string message) => output.Report(Launcher.ProgramName, $"warning: {message}");
}
