using BlockUring.Native.Interop;
using BlockUring.Native.Memory;
using Tmds.Linux;
using static Tmds.Linux.LibC;

namespace BlockUring.Native.Uring;

/// <summary>
/// One io_uring instance: set-up with fall-backs, the two queues, and the tables of registered files and buffers. One thread uses it,
/// the one that made it.
/// </summary>
internal sealed unsafe class Ring : IBufferRegistrar, IDisposable
{
    /// <summary>The user data of entries whose completion concerns nobody.</summary>
    public const ulong NobodysUserData = ulong.MaxValue;

    private readonly SubmissionQueue submission;
    private readonly CompletionQueue completion;
    private readonly Stack<int> freeFileSlots = new();
    private readonly Stack<int> freeBufferSlots = new();
    private byte* rings;
    private nuint ringsLength;
    private byte* sqes;
    private nuint sqesLength;
    private int fd;
    private int enterFd;
    private uint enterFlags;

    public Ring(RingOptions options)
    {
        var setup = new RingSetup(options);
        fd = setup.Fd;
        enterFd = fd;
        try
        {
            MapQueues(setup);
            submission = new SubmissionQueue(rings, sqes, setup.Parameters);
            completion = new CompletionQueue(rings, setup.Parameters);
            RegisterRing(setup);
            RegisterFileTable(setup, options.FileSlots);
            RegisterBufferTable(setup, options.BufferSlots);
        }
        catch
        {
            Dispose();
            throw;
        }

        Features = setup.Features;
    }

    public RingFeatures Features { get; }

    /// <summary>Calls of io_uring_enter so far.</summary>
    public long EnterCount { get; private set; }

    /// <summary>Times the completion queue overflowed into the kernel's list.</summary>
    public long OverflowCount { get; private set; }

    public CompletionQueue Completion => completion;

    /// <summary>The next free submission entry, zeroed; null when the queue is full until the next <see cref="Enter"/>.</summary>
    public IoUringSqe* TryNextSqe() => submission.TryNext();

    /// <summary>
    /// Submits what is queued, and waits for completions. EINTR, EAGAIN and EBUSY end it early without harm: what was not taken stays queued.
    /// </summary>
    /// <param name="minComplete">Completions to wait for; 0 returns at once.</param>
    /// <param name="timeoutNanoseconds">How long to wait at most; negative means no limit. Without EXT_ARG a full queue means no wait.</param>
    public void Enter(uint minComplete, long timeoutNanoseconds)
    {
        var isTimed = minComplete > 0 && timeoutNanoseconds >= 0;
        var time = new KernelTimespec
        {
            Seconds = timeoutNanoseconds / 1_000_000_000,
            Nanoseconds = timeoutNanoseconds % 1_000_000_000,
        };
        if (isTimed && !Features.Has(RingFeature.ExtArg) && !TryQueueTimeout(&time))
            minComplete = 0;
        var toSubmit = submission.Publish();
        var flags = enterFlags | IoUringAbi.EnterGetEvents;
        int taken;
        EnterCount++;
        if (isTimed && Features.Has(RingFeature.ExtArg))
        {
            var argument = new IoUringGetEventsArg { Timespec = (ulong)&time };
            taken = Kernel.IoUringEnter(
                enterFd, toSubmit, minComplete, flags | IoUringAbi.EnterExtArg, &argument, (nuint)sizeof(IoUringGetEventsArg));
        }
        else
        {
            taken = Kernel.IoUringEnter(enterFd, toSubmit, minComplete, flags, null, 0);
        }

        if (taken < 0)
            DemandTransient(Errno.Last);
        if (submission.HasOverflow)
            OverflowCount++;
    }

    /// <summary>Whether completions wait in the kernel's overflow list; another <see cref="Enter"/> brings them.</summary>
    public bool HasOverflow => submission.HasOverflow;

    /// <summary>Takes a descriptor into the file table.</summary>
    /// <returns>The slot, or -1 when the table is full or not there: then the descriptor itself is used.</returns>
    public int RegisterFile(int file)
    {
        if (!freeFileSlots.TryPop(out var slot))
            return -1;
        if (UpdateFile(slot, file) == 0)
            return slot;
        freeFileSlots.Push(slot);
        return -1;
    }

    public void UnregisterFile(int slot)
    {
        if (UpdateFile(slot, -1) == 0)
            freeFileSlots.Push(slot);
    }

    /// <inheritdoc/>
    public int Register(nint start, int length)
    {
        if (!freeBufferSlots.TryPop(out var slot))
            return -1;
        if (UpdateBuffer(slot, start, length))
            return slot;
        freeBufferSlots.Push(slot);
        return -1;
    }

    /// <inheritdoc/>
    public void Unregister(int index)
    {
        if (UpdateBuffer(index, 0, 0))
            freeBufferSlots.Push(index);
    }

    public void Dispose()
    {
        if (fd < 0)
            return;
        if (enterFlags != 0)
            UnregisterRing();
        if (sqes != null)
            _ = munmap(sqes, (size_t)(ulong)sqesLength);
        if (rings != null)
            _ = munmap(rings, (size_t)(ulong)ringsLength);
        _ = close(fd);
        fd = -1;
        sqes = null;
        rings = null;
    }

    // EINTR: a signal. EAGAIN: no memory for requests now. EBUSY: overflowed completions must be reaped first. ETIME: the time-out.
    private static void DemandTransient(int errno)
    {
        if (errno is not (Errno.EINTR or Errno.EAGAIN or Errno.EBUSY or Errno.ETIME))
            throw new InvalidOperationException($"io_uring_enter failed: {Errno.Message(errno)}");
    }

    // IORING_OP_TIMEOUT copies the time when it is submitted, and ends with the next completion, so that none is left behind.
    private bool TryQueueTimeout(KernelTimespec* time)
    {
        var sqe = submission.TryNext();
        if (sqe == null)
            return false;
        sqe->Opcode = IoUringOp.Timeout;
        sqe->Fd = -1;
        sqe->Address = (ulong)time;
        sqe->Length = 1;
        sqe->Offset = 1;
        sqe->UserData = NobodysUserData;
        return true;
    }

    private void MapQueues(RingSetup setup)
    {
        ref readonly var p = ref setup.Parameters;
        var sqLength = p.SqOffsets.Array + (p.SqEntries * sizeof(uint));
        var cqLength = p.CqOffsets.Cqes + (p.CqEntries * (uint)sizeof(IoUringCqe));
        ringsLength = Math.Max(sqLength, cqLength);
        sqesLength = p.SqEntries * (uint)sizeof(IoUringSqe);
        rings = MapRing(ringsLength, IoUringAbi.OffsetSqRing);
        sqes = MapRing(sqesLength, IoUringAbi.OffsetSqes);
    }

    private byte* MapRing(nuint length, ulong offset)
    {
        var memory = mmap(null, (size_t)(ulong)length, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, (long)offset);
        if (memory == MAP_FAILED)
            throw new InvalidOperationException($"Could not map the io_uring queues: {Errno.Message(Errno.Last)}");
        return (byte*)memory;
    }

    private void RegisterRing(RingSetup setup)
    {
        if (!setup.Wants(RingFeature.RegisteredRing))
            return;
        var update = new IoUringResourceUpdate { Offset = uint.MaxValue, Data = (ulong)fd };
        if (Kernel.IoUringRegister(fd, IoUringAbi.RegisterRingFds, &update, 1) == 1)
        {
            enterFd = (int)update.Offset;
            enterFlags = IoUringAbi.EnterRegisteredRing;
            setup.Enable(RingFeature.RegisteredRing);
        }
        else
        {
            setup.Note("registered ring", Errno.Last);
        }
    }

    // Why: the registration belongs to the thread, which has sixteen, and keeps the ring alive with all that it has pinned.
    private void UnregisterRing()
    {
        var update = new IoUringResourceUpdate { Offset = (uint)enterFd };
        _ = Kernel.IoUringRegister(fd, IoUringAbi.UnregisterRingFds, &update, 1);
        enterFlags = 0;
    }

    private void RegisterFileTable(RingSetup setup, int slots)
    {
        if (!setup.Wants(RingFeature.RegisteredFiles))
            return;
        var table = new IoUringResourceRegister { Count = (uint)slots, Flags = IoUringAbi.ResourceSparse };
        if (Kernel.IoUringRegister(fd, IoUringAbi.RegisterFiles2, &table, (uint)sizeof(IoUringResourceRegister)) < 0)
        {
            setup.Note("registered files", Errno.Last);
            return;
        }

        setup.Enable(RingFeature.RegisteredFiles);
        for (var slot = slots - 1; slot >= 0; slot--)
            freeFileSlots.Push(slot);
    }

    private void RegisterBufferTable(RingSetup setup, int slots)
    {
        if (!setup.Wants(RingFeature.RegisteredBuffers))
            return;
        var table = new IoUringResourceRegister { Count = (uint)slots, Flags = IoUringAbi.ResourceSparse };
        if (Kernel.IoUringRegister(fd, IoUringAbi.RegisterBuffers2, &table, (uint)sizeof(IoUringResourceRegister)) < 0)
        {
            setup.Note("registered buffers", Errno.Last);
            return;
        }

        setup.Enable(RingFeature.RegisteredBuffers);
        for (var slot = slots - 1; slot >= 0; slot--)
            freeBufferSlots.Push(slot);
    }

    // No address and no length empty the slot.
    private bool UpdateBuffer(int slot, nint start, int length)
    {
        var vector = new IoVector { Base = (ulong)start, Length = (ulong)length };
        var update = new IoUringResourceUpdate2 { Offset = (uint)slot, Data = (ulong)&vector, Count = 1 };
        return Kernel.IoUringRegister(fd, IoUringAbi.RegisterBuffersUpdate, &update, (uint)sizeof(IoUringResourceUpdate2)) >= 0;
    }

    private int UpdateFile(int slot, int file)
    {
        var update = new IoUringResourceUpdate2 { Offset = (uint)slot, Data = (ulong)&file, Count = 1 };
        return Kernel.IoUringRegister(fd, IoUringAbi.RegisterFilesUpdate2, &update, (uint)sizeof(IoUringResourceUpdate2)) < 0 ? Errno.Last : 0;
    }
}
