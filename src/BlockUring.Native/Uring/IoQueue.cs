using BlockUring.Native.Interop;
using BlockUring.Native.Memory;

namespace BlockUring.Native.Uring;

/// <summary>
/// The way into one ring: a pool of operations, a backlog for when the ring is full, and the list of those ready to continue. It never
/// refuses a request. All members are called on the ring's thread.
/// </summary>
public sealed unsafe class IoQueue
{
    private readonly Ring ring;
    private readonly List<IoOperation> operations = [];
    private readonly Stack<IoOperation> idle = new();
    private readonly Queue<IoOperation> backlog = new();
    private readonly Queue<IRunnable> ready;
    private WakeEvent? wakeEvent;
    private IoOperation? wakeOperation;

    internal IoQueue(Ring ring, Queue<IRunnable> ready)
    {
        this.ring = ring;
        this.ready = ready;
    }

    /// <summary>Operations started and not completed.</summary>
    public int InFlightCount { get; private set; }

    /// <summary>Operations started so far.</summary>
    public long StartedCount { get; private set; }

    /// <summary>Reads all of <paramref name="destination"/>; beyond the end of the file there are zeroes.</summary>
    /// <param name="target">An open file.</param>
    /// <param name="offset">Bytes; with O_DIRECT aligned as the file demands.</param>
    /// <param name="destination">Belongs to the operation until it ends.</param>
    public ValueTask ReadAsync(IoTarget target, long offset, IoMemory destination) =>
        Start(IoKind.Read, target, offset, destination, 0);

    /// <summary>Writes all of <paramref name="source"/>.</summary>
    /// <param name="target">An open file.</param>
    /// <param name="offset">Bytes; with O_DIRECT aligned as the file demands.</param>
    /// <param name="source">Belongs to the operation until it ends.</param>
    /// <param name="durable">Whether the data must be durable before the operation ends (RWF_DSYNC).</param>
    public ValueTask WriteAsync(IoTarget target, long offset, IoMemory source, bool durable = false) =>
        Start(IoKind.Write, target, offset, source, durable ? IoUringAbi.RwfDsync : 0);

    /// <summary>fsync, or fdatasync.</summary>
    public ValueTask FlushAsync(IoTarget target, bool dataOnly)
    {
        var operation = Start(IoKind.Flush, target, 0, null, 0, dataOnly ? IoUringAbi.FsyncDatasync : 0, -1);
        return new(operation, operation.Version);
    }

    /// <summary>fallocate(2). Answers 0 or a negative error number, since lack of support is an expected answer.</summary>
    /// <param name="target">An open file.</param>
    /// <param name="mode">FALLOC_FL_*.</param>
    /// <param name="offset">Bytes.</param>
    /// <param name="length">Bytes, 1 or more.</param>
    public ValueTask<int> AllocateAsync(IoTarget target, int mode, long offset, long length)
    {
        var operation = Start(IoKind.Allocate, target, offset, null, length, (uint)mode, -1);
        return new(operation, operation.Version);
    }

    /// <summary>Receives once from a socket. Answers the bytes received (0: the peer closed) or a negative error number.</summary>
    public ValueTask<int> ReceiveAsync(IoTarget socket, IoMemory destination, int flags = 0) =>
        StartOnce(IoKind.Receive, socket, destination, (uint)flags);

    /// <summary>Sends once to a socket. Answers the bytes sent or a negative error number.</summary>
    public ValueTask<int> SendAsync(IoTarget socket, IoMemory source, int flags = 0) =>
        StartOnce(IoKind.Send, socket, source, (uint)flags);

    /// <summary>Reads once from a pipe or terminal. Answers the bytes read (0: its end) or a negative error number.</summary>
    public ValueTask<int> ReadStreamAsync(IoTarget stream, IoMemory destination) => StartOnce(IoKind.ReadStream, stream, destination, 0);

    /// <summary>Writes once to a pipe or terminal. Answers the bytes written or a negative error number.</summary>
    public ValueTask<int> WriteStreamAsync(IoTarget stream, IoMemory source) => StartOnce(IoKind.WriteStream, stream, source, 0);

    /// <summary>Accepts a connection. Answers the new descriptor or a negative error number.</summary>
    /// <param name="listener">A listening socket.</param>
    /// <param name="flags">SOCK_CLOEXEC and the like.</param>
    public ValueTask<int> AcceptAsync(IoTarget listener, int flags) => StartOnce(IoKind.Accept, listener, default, (uint)flags);

    /// <summary>Connects a socket. Answers 0 or a negative error number.</summary>
    /// <param name="socket">Not connected yet.</param>
    /// <param name="address">A struct sockaddr; belongs to the operation until it ends.</param>
    public ValueTask<int> ConnectAsync(IoTarget socket, IoMemory address) => StartOnce(IoKind.Connect, socket, address, 0);

    /// <summary>Waits until a descriptor is ready. Answers the ready events or a negative error number.</summary>
    /// <param name="target">A pollable descriptor.</param>
    /// <param name="events">POLLIN and the like.</param>
    public ValueTask<int> PollAsync(IoTarget target, int events) => StartOnce(IoKind.Poll, target, default, (uint)events);

    /// <summary>
    /// Asks the kernel to cancel all operations on a descriptor. They still complete, most with ECANCELED, and own their buffers until then.
    /// </summary>
    /// <returns>How many were found, or a negative error number (ENOENT: none).</returns>
    public ValueTask<int> CancelAllAsync(IoTarget target)
    {
        var flags = IoUringAbi.CancelFd | IoUringAbi.CancelAll | (target.FileSlot >= 0 ? IoUringAbi.CancelFdFixed : 0);
        return StartOnce(IoKind.Cancel, target, default, flags);
    }

    /// <summary>A round trip through the ring that does nothing.</summary>
    public ValueTask<int> NopAsync() => StartOnce(IoKind.Nop, null, default, 0);

    /// <summary>Takes a file into the ring's table, where there is room; operations on it then cost less.</summary>
    public void Register(IoTarget target) => target.FileSlot = ring.RegisterFile(target.Descriptor);

    /// <summary>Takes a file out of the table; to be called before its descriptor is closed, with no operation in flight.</summary>
    public void Unregister(IoTarget target)
    {
        if (target.FileSlot >= 0)
            ring.UnregisterFile(target.FileSlot);
        target.FileSlot = -1;
    }

    /// <summary>Keeps a read of the wake-up event in flight for good. It counts as no operation.</summary>
    internal void StartWake(WakeEvent wake)
    {
        wakeEvent = wake;
        wakeOperation = new IoOperation(this, operations.Count);
        operations.Add(wakeOperation);
        RestartWake();
    }

    /// <summary>Moves what waits into the ring as far as it has room.</summary>
    /// <returns>Whether nothing waits any more.</returns>
    internal bool SubmitBacklog()
    {
        while (backlog.Count > 0)
        {
            var sqe = ring.TryNextSqe();
            if (sqe == null)
                return false;
            backlog.Dequeue().Fill(sqe);
        }

        return true;
    }

    /// <summary>Takes all completions; continuations are queued, not run.</summary>
    internal int Reap()
    {
        var count = 0;
        while (ring.Completion.TryTake(out var cqe))
        {
            count++;
            if (cqe.UserData == Ring.NobodysUserData)
                continue;
            var operation = operations[(int)cqe.UserData];
            if (operation == wakeOperation)
            {
                if (cqe.Result is < 0 and not (-Errno.EINTR or -Errno.EAGAIN))
                    throw wakeEvent!.Failure(IoKind.Read, 0, sizeof(ulong), -cqe.Result);
                RestartWake();
                continue;
            }

            if (!operation.Complete(cqe.Result))
            {
                Submit(operation);
                continue;
            }

            InFlightCount--;
            if (operation.HasContinuation)
                ready.Enqueue(operation);
        }

        return count;
    }

    /// <summary>Cancels, one by one, what may wait for a peer for ever. Transfers to files end by themselves.</summary>
    internal void CancelWaiting()
    {
        for (var slot = operations.Count - 1; slot >= 0; slot--)
        {
            var operation = operations[slot];
            if (operation.IsInFlight && MayWaitForPeer(operation.Kind))
                _ = Start(IoKind.Cancel, null, slot, null, 0, 0, -1);
        }
    }

    internal void MakeReady(IoOperation operation) => ready.Enqueue(operation);

    internal void Recycle(IoOperation operation) => idle.Push(operation);

    private static bool MayWaitForPeer(IoKind kind) =>
        kind is IoKind.Receive or IoKind.Send or IoKind.ReadStream or IoKind.WriteStream or IoKind.Accept or IoKind.Connect or IoKind.Poll;

    private ValueTask Start(IoKind kind, IoTarget target, long offset, IoMemory memory, uint opFlags)
    {
        var operation = Start(kind, target, offset, memory.Address, memory.Length, opFlags, memory.Buffer.RegisteredIndex);
        return new(operation, operation.Version);
    }

    private ValueTask<int> StartOnce(IoKind kind, IoTarget? target, IoMemory memory, uint opFlags)
    {
        var address = memory.Buffer == null ? null : memory.Address;
        var operation = Start(kind, target, 0, address, memory.Length, opFlags, -1);
        return new(operation, operation.Version);
    }

    private IoOperation Start(IoKind kind, IoTarget? target, long offset, byte* address, long length, uint opFlags, int registeredBuffer)
    {
        if (IoThread.CurrentOrNull?.Queue != this)
            throw new InvalidOperationException("An operation was started on another thread than the ring's.");
        if (!idle.TryPop(out var operation))
        {
            operation = new IoOperation(this, operations.Count);
            operations.Add(operation);
        }

        operation.Prepare(kind, target, offset, address, length, opFlags, registeredBuffer);
        InFlightCount++;
        StartedCount++;
        Submit(operation);
        return operation;
    }

    private void RestartWake()
    {
        wakeOperation!.Prepare(IoKind.Read, wakeEvent, 0, (byte*)wakeEvent!.Target, sizeof(ulong), 0, -1);
        Submit(wakeOperation);
    }

    private void Submit(IoOperation operation)
    {
        var sqe = backlog.Count == 0 ? ring.TryNextSqe() : null;
        if (sqe == null)
            backlog.Enqueue(operation);
        else
            operation.Fill(sqe);
    }
}
