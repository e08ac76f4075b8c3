namespace BlockUring.Native.Uring;

/// <summary>A few threads for processor work, started when first needed.</summary>
internal sealed class WorkerPool : IDisposable
{
    private readonly Queue<WorkItem> items = new();
    private readonly List<Thread> threads = [];
    private readonly int maxThreads;
    private int waitingCount;
    private bool closed;

    public WorkerPool(int maxThreads) => this.maxThreads = maxThreads;

    public void Add(WorkItem item)
    {
        lock (items)
        {
            items.Enqueue(item);

            // Why: one that was woken still counts as waiting until it runs, and takes one item only.
            if (items.Count > waitingCount && threads.Count < maxThreads)
                StartThread();
            else
                Monitor.Pulse(items);
        }
    }

    public void Dispose()
    {
        lock (items)
        {
            closed = true;
            Monitor.PulseAll(items);
        }

        foreach (var thread in threads)
            thread.Join();
    }

    private void StartThread()
    {
        var thread = new Thread(Work) { IsBackground = true, Name = $"worker {threads.Count}" };
        threads.Add(thread);
        thread.Start();
    }

    private void Work()
    {
        while (TryTake(out var item))
            item.ExecuteOnWorker();
    }

    private bool TryTake(out WorkItem item)
    {
        lock (items)
        {
            while (!items.TryDequeue(out item!))
            {
                if (closed)
                    return false;
                waitingCount++;
                Monitor.Wait(items);
                waitingCount--;
            }

            return true;
        }
    }
}
