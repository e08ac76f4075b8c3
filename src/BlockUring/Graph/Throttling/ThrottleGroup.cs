using BlockUring.Native.Uring;

namespace BlockUring.Graph.Throttling;

/// <summary>
/// Limits that several disks share, with QEMU's meaning: leaky buckets for operations and bytes, in total or by direction; a request goes
/// when no bucket is full and is charged then, so that a large one makes the next wait; members whose requests wait take turns.
/// </summary>
/// <remarks>One thread only: the scheduler's.</remarks>
public sealed class ThrottleGroup
{
    // Why: a delay cannot be taken back, and one that is of no use any more should not last for hours.
    private static readonly TimeSpan MaxDelay = TimeSpan.FromSeconds(1);

    private readonly Scheduler scheduler;
    private readonly List<ThrottleMember> members = [];
    private readonly ThrottleLane reads = new(false);
    private readonly ThrottleLane writes = new(true);
    private ThrottleLimits limits = ThrottleLimits.None;
    private ThrottleBucket[] readBuckets = [];
    private ThrottleBucket[] writeBuckets = [];
    private ThrottleBucket[] buckets = [];
    private long lastLeak;

    /// <summary>Makes a group.</summary>
    public ThrottleGroup(Scheduler scheduler, string name, ThrottleLimits limits)
    {
        this.scheduler = scheduler;
        Name = name;
        Limits = limits;
    }

    /// <summary>The object's id.</summary>
    public string Name { get; }

    /// <summary>How many share the limits; the group is in use while it is not 0.</summary>
    public int MemberCount => members.Count;

    /// <summary>The limits. A change takes effect at once, for those who wait too, and forgets what was charged before.</summary>
    public ThrottleLimits Limits
    {
        get => limits;
        set
        {
            limits = value;
            var names = (string[])["bps-total", "iops-total", "bps-read", "iops-read", "bps-write", "iops-write"];
            buckets = [.. names.Select(value.MakeBucket)];
            readBuckets = buckets[..4];
            writeBuckets = [.. buckets[..2], .. buckets[4..]];
            lastLeak = scheduler.Time.GetTimestamp();
            Restart(reads);
            Restart(writes);
        }
    }

    /// <summary>Adds a member; <see cref="Leave"/> takes it back.</summary>
    public ThrottleMember Join()
    {
        var member = new ThrottleMember(this);
        members.Add(member);
        return member;
    }

    /// <summary>Takes a member back that has no request waiting.</summary>
    public void Leave(ThrottleMember member)
    {
        if (member.Waits(false) || member.Waits(true))
            throw new InvalidOperationException("A member with waiting requests left its throttle group.");
        foreach (var lane in (ReadOnlySpan<ThrottleLane>)[reads, writes])
        {
            if (lane.LastServed == member)
                lane.LastServed = members.IndexOf(member) is > 0 and var index ? members[index - 1] : null;
        }

        members.Remove(member);
    }

    /// <summary>Waits for the turn of a request, and charges it. Costs nothing but arithmetic while the limits leave room.</summary>
    /// <param name="member">Whose.</param>
    /// <param name="length">Bytes.</param>
    /// <param name="isWrite">Whether it changes the disk.</param>
    public ValueTask AdmitAsync(ThrottleMember member, long length, bool isWrite)
    {
        var lane = isWrite ? writes : reads;
        if (member.HurryCount == 0 && (IsBusy(lane) || IsFull(lane)))
            return WaitAsync(member, length, lane);
        Charge(isWrite, length);
        return ValueTask.CompletedTask;
    }

    /// <summary>From now on a member's requests go at once; nests.</summary>
    public void Hurry(ThrottleMember member)
    {
        if (++member.HurryCount > 1)
            return;
        Serve(reads);
        Serve(writes);
    }

    /// <summary>Takes one <see cref="Hurry"/> back.</summary>
    public void EndHurry(ThrottleMember member) => member.HurryCount--;

    private async ValueTask WaitAsync(ThrottleMember member, long length, ThrottleLane lane)
    {
        var admitted = member.Enqueue(lane.IsWrite, length);
        if (!lane.IsTimed)
            Serve(lane);
        await admitted;
    }

    private bool IsBusy(ThrottleLane lane) => lane.IsTimed || lane.IsServing || Next(lane) != null;

    private bool IsFull(ThrottleLane lane) => SecondsToWait(lane) > 0;

    // Lets go whoever need not wait, in turns, and sets a timer for the first who must.
    private void Serve(ThrottleLane lane)
    {
        if (lane.IsServing)
            return;
        lane.IsServing = true;
        while (Next(lane, hurried: true) is { } member)
            LetGo(lane, member);
        while (!lane.IsTimed && Next(lane) is { } member)
        {
            var seconds = member.HurryCount > 0 ? 0 : SecondsToWait(lane);
            if (seconds > 0)
                SetTimer(lane, seconds);
            else
                LetGo(lane, member);
        }

        lane.IsServing = false;
    }

    private void LetGo(ThrottleLane lane, ThrottleMember member)
    {
        lane.LastServed = member;
        var (admitted, length) = member.Dequeue(lane.IsWrite);
        Charge(lane.IsWrite, length);
        admitted.Succeed();
    }

    // Whose turn it is: the first after the one served last who has a request waiting.
    private ThrottleMember? Next(ThrottleLane lane, bool hurried = false)
    {
        var start = lane.LastServed == null ? 0 : members.IndexOf(lane.LastServed) + 1;
        for (var i = 0; i < members.Count; i++)
        {
            var member = members[(start + i) % members.Count];
            if (member.Waits(lane.IsWrite) && (!hurried || member.HurryCount > 0))
                return member;
        }

        return null;
    }

    private void Restart(ThrottleLane lane)
    {
        lane.TimerGeneration++;
        lane.IsTimed = false;
        Serve(lane);
    }

    private void SetTimer(ThrottleLane lane, double seconds)
    {
        lane.IsTimed = true;
        scheduler.Detach(RunTimerAsync(lane, seconds));
    }

    private async ValueTask RunTimerAsync(ThrottleLane lane, double seconds)
    {
        var generation = lane.TimerGeneration;
        var time = scheduler.Time;
        var due = time.GetTimestamp() + (long)Math.Ceiling(Math.Min(seconds, 1e9) * time.TimestampFrequency);
        for (var now = time.GetTimestamp(); now < due; now = time.GetTimestamp())
        {
            var left = TimeSpan.FromSeconds((due - now) / (double)time.TimestampFrequency);
            await scheduler.DelayAsync(left < MaxDelay ? left + TimeSpan.FromTicks(1) : MaxDelay);
            if (lane.TimerGeneration != generation)
                return;
        }

        lane.IsTimed = false;

        // Why without another look at the buckets: they are shared with the other direction, which could otherwise always be first.
        if (!lane.IsServing && Next(lane) is { } member)
        {
            lane.IsServing = true;
            LetGo(lane, member);
            lane.IsServing = false;
        }

        Serve(lane);
    }

    private double SecondsToWait(ThrottleLane lane)
    {
        Leak();
        var longest = 0.0;
        foreach (var bucket in lane.IsWrite ? writeBuckets : readBuckets)
            longest = Math.Max(longest, bucket.Wait());
        return longest;
    }

    private void Charge(bool isWrite, long length)
    {
        Leak();
        var mine = isWrite ? writeBuckets : readBuckets;
        var size = (double)(ulong)limits["iops-size"];
        var operations = size > 0 && length > size ? length / size : 1.0;
        for (var i = 0; i < mine.Length; i++)
            mine[i].Add(i % 2 == 0 ? length : operations);
    }

    private void Leak()
    {
        var now = scheduler.Time.GetTimestamp();
        var seconds = (now - lastLeak) / (double)scheduler.Time.TimestampFrequency;
        lastLeak = now;
        foreach (var bucket in buckets)
            bucket.Leak(seconds);
    }
}
