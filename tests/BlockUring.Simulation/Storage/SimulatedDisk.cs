using BlockUring.Native.Interop;
using BlockUring.Storage;

namespace BlockUring.Simulation.Storage;

/// <summary>
/// The device below some <see cref="SimulatedFile"/>s: completes their requests later, in an order that the seed gives, on one thread; fails
/// the k-th request; loses power at the k-th.
/// </summary>
internal sealed class SimulatedDisk : IPendingWork
{
    private readonly Random random;
    private readonly List<Pending> waiting = [];
    private readonly int threadId = Environment.CurrentManagedThreadId;

    /// <summary>Makes a disk.</summary>
    /// <param name="seed">Of all that is random.</param>
    /// <param name="scheduler">Chooses the order; null for one of its own.</param>
    public SimulatedDisk(int seed, SimulatedScheduler? scheduler = null)
    {
        random = new Random(seed);
        Scheduler = scheduler ?? new SimulatedScheduler(seed);
        Scheduler.Add(this);
    }

    /// <summary>The thread that uses the disk.</summary>
    public SimulatedScheduler Scheduler { get; }

    int IPendingWork.PendingCount => IsCut || IsStalled ? 0 : waiting.Count;

    /// <summary>Requests made so far.</summary>
    public int RequestCount { get; private set; }

    /// <summary>The share of requests that complete at once, without waiting.</summary>
    public double ImmediateShare { get; set; } = 0.2;

    /// <summary>The request (counting from 1) that fails; 0 for none.</summary>
    public int FailAt { get; set; }

    /// <summary>The share of requests that fail besides, of EIO or ENOSPC.</summary>
    public double FailShare { get; set; }

    /// <summary>Whether nothing completes for the time being.</summary>
    public bool IsStalled { get; set; }

    /// <summary>Why it fails.</summary>
    public int FailWith { get; set; } = Errno.EIO;

    /// <summary>Whether a request has failed.</summary>
    public bool HasFailed { get; private set; }

    /// <summary>The request that failed last.</summary>
    public string Failure { get; private set; } = "";

    /// <summary>The request (counting from 1) before whose completion the power goes; 0 for never.</summary>
    public int CutAt { get; set; }

    /// <summary>Whether the power is gone: nothing completes any more.</summary>
    public bool IsCut { get; private set; }

    /// <summary>Called when a request has changed a file, or has made it durable, before the one who made the request hears of it.</summary>
    public Action? Changed { get; set; }

    /// <summary>The power goes now.</summary>
    public void Cut() => IsCut = true;

    /// <summary>Runs <paramref name="main"/> to its end, or up to the power cut.</summary>
    public void Run(Func<Task> main) => Scheduler.Run(main, () => IsCut);

    /// <summary>Makes a request: <paramref name="apply"/> is what it does to the file when it completes.</summary>
    public ValueTask SubmitAsync(SimulatedFile file, string operation, long offset, Action apply, Action<Random> applyPartly)
    {
        if (Environment.CurrentManagedThreadId != threadId)
            throw new InvalidOperationException("A request came from another thread.");
        RequestCount++;
        var request = new Pending(file, operation, offset, apply, applyPartly, Fault());
        if (CutAt > 0 && RequestCount >= CutAt)
            IsCut = true;
        if (!IsCut && !IsStalled && random.NextDouble() < ImmediateShare)
        {
            try
            {
                Apply(request);
                return ValueTask.CompletedTask;
            }
            catch (BlockException e)
            {
                return ValueTask.FromException(e);
            }
        }

        waiting.Add(request);
        return new(request.Done.Task);
    }

    /// <summary>After a power cut: what of the requests in flight may have reached the medium, too.</summary>
    public void ApplyInFlight()
    {
        foreach (var request in waiting)
            request.ApplyPartly(random);
        waiting.Clear();
    }

    /// <summary>What of the requests in flight may have reached the medium if the power goes now; they stay in flight.</summary>
    public void ApplyInFlightTo(Random fate)
    {
        foreach (var request in waiting)
            request.ApplyPartly(fate);
    }

    void IPendingWork.Complete(int index)
    {
        var request = waiting[index];
        waiting[index] = waiting[^1];
        waiting.RemoveAt(waiting.Count - 1);
        try
        {
            Apply(request);
        }
        catch (BlockException e)
        {
            request.Done.SetException(e);
            return;
        }

        request.Done.SetResult();
    }

    private int Fault()
    {
        if (FailAt == RequestCount)
            return FailWith;
        return FailShare > 0 && random.NextDouble() < FailShare ? random.Next(2) == 0 ? Errno.EIO : Errno.ENOSPC : 0;
    }

    private void Apply(Pending request)
    {
        if (request.Fault != 0)
        {
            // Why: nobody needs what is discarded when it is.
            Failure = $"{request.Operation} of {request.File.Path} at {request.Offset}";
            HasFailed = request.Operation != "discard" || request.File.DiscardFill == null;
            request.ApplyPartly(random);
            throw BlockException.FromErrno(request.Fault, "Could not " + request.Operation, request.File.Path, request.Offset);
        }

        request.Apply();
        if (request.Operation is not ("read" or "find extents"))
            Changed?.Invoke();
    }

    private sealed record Pending(
        SimulatedFile File, string Operation, long Offset, Action Apply, Action<Random> ApplyPartly, int Fault)
    {
        public TaskCompletionSource Done { get; } = new();
    }
}
