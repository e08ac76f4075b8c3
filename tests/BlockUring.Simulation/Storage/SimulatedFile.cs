using BlockUring.Native.Memory;
using BlockUring.Storage;

namespace BlockUring.Simulation.Storage;

/// <summary>
/// A file on a <see cref="SimulatedDisk"/>: what was written is read back at once, but lasts over a power cut only once it was flushed.
/// </summary>
internal sealed class SimulatedFile : BlockFile
{
    private const int SectorLength = 512;

    private readonly SimulatedDisk disk;
    private readonly MemoryFile current;
    private readonly MemoryFile durable;
    private readonly List<Change> unflushed = [];
    private long flushedCount;
    private readonly List<string> cutStory = [];
    private MemoryFile? cut;

    /// <summary>Puts a file on a disk.</summary>
    /// <param name="disk">Completes its requests.</param>
    /// <param name="content">What it holds, durably; changed in place.</param>
    public SimulatedFile(SimulatedDisk disk, MemoryFile content)
    {
        this.disk = disk;
        current = content;
        durable = Copy(content);
    }

    public override string Path => current.Path;

    public override long Length => current.Length;

    public override bool IsReadOnly => false;

    public override BlockLimits Limits { get; } = new(SectorLength);

    public override BufferPool Buffers => current.Buffers;

    /// <summary>A copy of a file.</summary>
    public static MemoryFile Copy(MemoryFile file)
    {
        var copy = new MemoryFile(file.Buffers, file.Path, file.Length);
        var bytes = new byte[65536];
        for (long offset = 0; offset < file.Length;)
        {
            var run = file.GetExtentAsync(offset, file.Length - offset).Now();
            var part = (int)Math.Min(bytes.Length, run.Length);
            if (!run.IsHole)
            {
                file.Read(offset, bytes.AsSpan(0, part));
                copy.Write(offset, bytes.AsSpan(0, part));
            }

            offset += run.IsHole ? run.Length : part;
        }

        return copy;
    }

    public override ValueTask ReadAsync(long offset, IoMemory destination) =>
        disk.SubmitAsync(this, "read", offset, () => current.Read(offset, destination.Span), _ => { });

    public override ValueTask WriteAsync(long offset, IoMemory source)
    {
        // Why: the bytes are taken at completion, as a device takes them at any time: who changes them meanwhile is found out.
        return disk.SubmitAsync(
            this,
            "write",
            offset,
            () => Take(new Change(offset, source.Length, source.Span.ToArray())),
            random => TakePartly(new Change(offset, source.Length, source.Span.ToArray()), random));
    }

    public override ValueTask WriteZeroesAsync(long offset, long length, bool mayUnmap) => disk.SubmitAsync(
        this,
        "write zeroes",
        offset,
        () => Take(new Change(offset, length, [])),
        random => TakePartly(new Change(offset, length, []), random));

    /// <summary>What discarded bytes read as; null for zeroes.</summary>
    public byte? DiscardFill { get; init; }

    public override ValueTask DiscardAsync(long offset, long length)
    {
        length = Math.Min(length, Length - offset);
        if (length <= 0)
            return ValueTask.CompletedTask;
        var bytes = DiscardFill == null ? [] : new byte[length];
        Array.Fill(bytes, DiscardFill ?? 0);
        var change = new Change(offset, length, bytes);
        return disk.SubmitAsync(this, "discard", offset, () => Take(change), random => TakePartly(change, random));
    }

    public override ValueTask FlushAsync()
    {
        var count = flushedCount + unflushed.Count;
        return disk.SubmitAsync(this, "flush", -1, () => MakeDurable(count), _ => { });
    }

    /// <summary>Whether it tells where its holes are.</summary>
    public bool ReportsHoles { get; init; }

    public override ValueTask<FileExtent> GetExtentAsync(long offset, long maxLength) =>
        ReportsHoles ? FindExtentAsync(offset, maxLength) : base.GetExtentAsync(offset, maxLength);

    private async ValueTask<FileExtent> FindExtentAsync(long offset, long maxLength)
    {
        var found = default(FileExtent);
        await disk.SubmitAsync(this, "find extents", offset, () => found = current.GetExtentAsync(offset, maxLength).Now(), _ => { });
        return found;
    }

    public override ValueTask SetLengthAsync(long length, PreallocationMode preallocation = PreallocationMode.Off)
    {
        var change = new Change(length, 0, null);
        return disk.SubmitAsync(this, "set length", length, () => Take(change), random =>
        {
            if (random.Next(2) == 0)
                Take(change);
        });
    }

    /// <summary>What is on the medium after a power cut: everything flushed, and of the rest any sectors.</summary>
    public MemoryFile AfterPowerCut(Random random)
    {
        foreach (var change in unflushed)
        {
            switch (random.Next(3))
            {
                case 0:
                    change.Apply(durable);
                    break;
                case 1:
                    change.ApplyTorn(durable, random);
                    break;
            }
        }

        unflushed.Clear();
        return durable;
    }

    /// <summary>From now on, and until <see cref="EndCut"/>, what happens happens to a copy: that of the medium if the power went now.</summary>
    public void BeginCut(CutFate fate, Random random)
    {
        cut = Copy(durable);
        cutStory.Clear();
        for (var i = 0; i < unflushed.Count; i++)
        {
            var chosen = fate.Of(i, unflushed.Count, random);
            cutStory.Add($"{unflushed[i].Length} at {unflushed[i].Offset} {chosen}");
            switch (chosen)
            {
                case SectorFate.Kept:
                    unflushed[i].Apply(cut);
                    break;
                case SectorFate.Torn:
                    unflushed[i].ApplyTorn(cut, random);
                    break;
            }
        }
    }

    /// <summary>What became of each unflushed change in the cut looked at last.</summary>
    public string CutStory => string.Join(", ", cutStory);

    /// <summary>The copy.</summary>
    public MemoryFile EndCut()
    {
        var result = cut!;
        cut = null;
        return result;
    }

    private void Take(Change change)
    {
        if (cut != null)
        {
            change.Apply(cut);
            return;
        }

        change.Apply(current);
        unflushed.Add(change);
    }

    private void TakePartly(Change change, Random random)
    {
        var part = change.Part(random);
        if (part != null)
            Take(part);
    }

    private void MakeDurable(long count)
    {
        while (flushedCount < count)
        {
            unflushed[0].Apply(durable);
            unflushed.RemoveAt(0);
            flushedCount++;
        }
    }

    // Bytes null: the length becomes Offset. Bytes empty: zeroes.
    private sealed record Change(long Offset, long Length, byte[]? Bytes)
    {
        public void Apply(MemoryFile file)
        {
            if (Bytes == null)
                file.SetLengthAsync(Offset).Now();
            else if (Bytes.Length == 0)
                file.WriteZeroesAsync(Offset, Length, false).Now();
            else
                file.Write(Offset, Bytes);
        }

        // The first sectors only.
        public Change? Part(Random random)
        {
            var sectors = random.NextInt64(0, (Length / SectorLength) + 1);
            var length = Math.Min(Length, sectors * SectorLength);
            return Bytes == null || length == 0 ? null : new Change(Offset, length, Bytes.Length == 0 ? Bytes : Bytes[..(int)length]);
        }

        public void ApplyTorn(MemoryFile file, Random random)
        {
            if (Bytes == null)
                return;
            var end = Offset + Length;
            for (var at = Offset; at < end;)
            {
                // Why: long runs of one fate, so that large writes do not take long.
                var next = Math.Min(end, (at & -SectorLength) + (SectorLength << random.Next(8)));
                if (random.Next(2) == 0)
                    new Change(at, next - at, Bytes.Length == 0 ? Bytes : Bytes[(int)(at - Offset)..(int)(next - Offset)]).Apply(file);
                at = next;
            }
        }
    }
}
