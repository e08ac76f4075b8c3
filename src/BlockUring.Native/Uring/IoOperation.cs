using System.Threading.Tasks.Sources;
using BlockUring.Native.Interop;

namespace BlockUring.Native.Uring;

/// <summary>
/// One request to the kernel, from the call to the completion: pooled, awaited without allocation. The kernel owns the buffer until the
/// completion arrives, cancelled or not.
/// </summary>
/// <remarks>
/// Short reads and writes are continued here, so that callers see whole transfers. Continuations run on the ring's thread after the
/// completions are reaped, never while they are.
/// </remarks>
public sealed unsafe class IoOperation : IValueTaskSource, IValueTaskSource<int>, IRunnable
{
    private readonly IoQueue queue;
    private Action<object?>? continuation;
    private object? continuationState;
    private IoTarget? target;
    private byte* address;
    private long offset;
    private long length;
    private long done;
    private int result;
    private uint opFlags;
    private short version;
    private bool completed = true;

    internal IoOperation(IoQueue queue, int slot)
    {
        this.queue = queue;
        Slot = slot;
    }

    internal int Slot { get; }

    internal IoKind Kind { get; private set; }

    internal short Version => version;

    internal int RegisteredBuffer { get; private set; }

    internal bool HasContinuation => continuation != null;

    /// <summary>Whether it was started and has not completed: the kernel may use its buffer.</summary>
    internal bool IsInFlight => !completed;

    void IValueTaskSource.GetResult(short token) => _ = TakeResult(token, true);

    int IValueTaskSource<int>.GetResult(short token) => TakeResult(token, false);

    ValueTaskSourceStatus IValueTaskSource.GetStatus(short token) => GetStatus(token, true);

    // An error number is an answer here, not a fault.
    ValueTaskSourceStatus IValueTaskSource<int>.GetStatus(short token) => GetStatus(token, false);

    void IValueTaskSource.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        OnCompleted(continuation, state, token);

    void IValueTaskSource<int>.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        OnCompleted(continuation, state, token);

    void IRunnable.Run()
    {
        var next = continuation!;
        var state = continuationState;
        continuation = null;
        continuationState = null;
        next(state);
    }

    internal void Prepare(IoKind kind, IoTarget? target, long offset, byte* address, long length, uint opFlags, int registeredBuffer)
    {
        Kind = kind;
        this.target = target;
        this.offset = offset;
        this.address = address;
        this.length = length;
        this.opFlags = opFlags;
        RegisteredBuffer = registeredBuffer;
        done = 0;
        completed = false;
    }

    /// <summary>Writes what is left to do into a submission entry.</summary>
    internal void Fill(IoUringSqe* sqe)
    {
        sqe->UserData = (uint)Slot;
        if (target != null)
        {
            sqe->Fd = target.FileSlot >= 0 ? target.FileSlot : target.Descriptor;
            sqe->Flags = target.FileSlot >= 0 ? IoUringSqeFlags.FixedFile : IoUringSqeFlags.None;
        }
        else
        {
            sqe->Fd = -1;
        }

        switch (Kind)
        {
            case IoKind.Read:
            case IoKind.Write:
                FillTransfer(sqe);
                break;
            case IoKind.Flush:
                sqe->Opcode = IoUringOp.Fsync;
                sqe->OpFlags = opFlags;
                break;
            case IoKind.Allocate:
                // linux/io_uring.h: for IORING_OP_FALLOCATE the length is in addr and the mode in len.
                sqe->Opcode = IoUringOp.Fallocate;
                sqe->Offset = (ulong)offset;
                sqe->Address = (ulong)length;
                sqe->Length = opFlags;
                break;
            case IoKind.Receive:
            case IoKind.Send:
                sqe->Opcode = Kind == IoKind.Send ? IoUringOp.Send : IoUringOp.Recv;
                sqe->Address = (ulong)address;
                sqe->Length = (uint)length;
                sqe->OpFlags = opFlags;
                break;
            case IoKind.ReadStream:
            case IoKind.WriteStream:
                // linux/io_uring.h: an offset of -1 is where the stream is.
                sqe->Opcode = Kind == IoKind.ReadStream ? IoUringOp.Read : IoUringOp.Write;
                sqe->Offset = ulong.MaxValue;
                sqe->Address = (ulong)address;
                sqe->Length = (uint)length;
                break;
            case IoKind.Accept:
                sqe->Opcode = IoUringOp.Accept;
                sqe->OpFlags = opFlags;
                break;
            case IoKind.Connect:
                // linux/io_uring.h: for IORING_OP_CONNECT the length of the address is in off.
                sqe->Opcode = IoUringOp.Connect;
                sqe->Address = (ulong)address;
                sqe->Offset = (ulong)length;
                break;
            case IoKind.Poll:
                sqe->Opcode = IoUringOp.PollAdd;
                sqe->OpFlags = opFlags;
                break;
            case IoKind.Cancel:
                sqe->Opcode = IoUringOp.AsyncCancel;
                sqe->Flags = IoUringSqeFlags.None;
                sqe->Address = (ulong)offset;
                sqe->OpFlags = opFlags;
                break;
            default:
                sqe->Opcode = IoUringOp.Nop;
                break;
        }
    }

    /// <summary>Takes a completion.</summary>
    /// <returns>True when the operation has ended; false when it is to be submitted again for the rest.</returns>
    internal bool Complete(int kernelResult)
    {
        if (Kind is IoKind.Read or IoKind.Write)
            return CompleteTransfer(kernelResult);
        if (kernelResult is -Errno.EINTR && Kind is IoKind.Flush or IoKind.Allocate)
            return false;
        return Finish(kernelResult);
    }

    private void FillTransfer(IoUringSqe* sqe)
    {
        var left = (uint)(length - done);
#if DEBUG
        // Every long transfer is cut short once, so that the continuation is always exercised.
        if (done == 0 && left > 8192)
            left = (left / 2) & ~4095u;
#endif
        var isRead = Kind == IoKind.Read;
        if (RegisteredBuffer >= 0)
        {
            sqe->Opcode = isRead ? IoUringOp.ReadFixed : IoUringOp.WriteFixed;
            sqe->BufferIndex = (ushort)RegisteredBuffer;
        }
        else
        {
            sqe->Opcode = isRead ? IoUringOp.Read : IoUringOp.Write;
        }

        sqe->Offset = (ulong)(offset + done);
        sqe->Address = (ulong)(address + done);
        sqe->Length = left;
        sqe->OpFlags = opFlags;
    }

    private bool CompleteTransfer(int kernelResult)
    {
        if (kernelResult is -Errno.EINTR or -Errno.EAGAIN)
            return false;
        if (kernelResult < 0)
            return Finish(kernelResult);
        done += kernelResult;
        if (done == length)
            return Finish(0);
        if (Kind == IoKind.Write)
            return kernelResult == 0 && Finish(-Errno.ENOSPC);

        // Why: O_DIRECT cannot ask for the rest of an unaligned tail, and only the end of the file leaves one.
        if (kernelResult != 0 && (target!.DirectAlignment == 0 || (done & (target.DirectAlignment - 1)) == 0))
            return false;
        new Span<byte>(address + done, (int)(length - done)).Clear();
        return Finish(0);
    }

    private bool Finish(int finalResult)
    {
        result = finalResult;
        completed = true;
        return true;
    }

    private int TakeResult(short token, bool throwOnError)
    {
        DemandToken(token);
        if (!completed)
            throw new InvalidOperationException("The result of an operation was asked for before it completed.");
        var taken = result;
        var failure = throwOnError && taken < 0 ? MakeFailure(-taken) : null;
        version++;
        target = null;
        queue.Recycle(this);
        if (failure != null)
            throw failure;
        return taken;
    }

    private Exception MakeFailure(int errno) =>
        target?.Failure(Kind, offset + done, length - done, errno) ?? new InvalidOperationException($"{Kind} failed: {Errno.Message(errno)}");

    private ValueTaskSourceStatus GetStatus(short token, bool throwsOnError)
    {
        DemandToken(token);
        if (!completed)
            return ValueTaskSourceStatus.Pending;
        return throwsOnError && result < 0 ? ValueTaskSourceStatus.Faulted : ValueTaskSourceStatus.Succeeded;
    }

    private void OnCompleted(Action<object?> next, object? state, short token)
    {
        DemandToken(token);
        if (continuation != null)
            throw new InvalidOperationException("An operation was awaited twice.");
        continuationState = state;
        continuation = next;
        if (completed)
            queue.MakeReady(this);
    }

    private void DemandToken(short token)
    {
        if (token != version)
            throw new InvalidOperationException("An operation was awaited twice.");
    }
}
