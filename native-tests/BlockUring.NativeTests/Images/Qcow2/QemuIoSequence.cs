using BlockUring.Simulation.Images.Qcow2;

namespace BlockUring.NativeTests.Images.Qcow2;

/// <summary>Random commands for qemu-io on an image, and what the disk holds after them.</summary>
internal sealed class QemuIoSequence
{
    private readonly ImageKind kind;
    private readonly Random random;
    private readonly List<string> commands = [];
    private byte[] content;

    /// <param name="kind">Of image.</param>
    /// <param name="before">What the disk holds.</param>
    /// <param name="random">Chooses.</param>
    /// <param name="count">Commands.</param>
    public QemuIoSequence(ImageKind kind, byte[] before, Random random, int count)
    {
        (this.kind, this.random) = (kind, random);
        content = [.. before];
        Compress();
        for (var i = 0; i < count; i++)
            Add();
    }

    /// <summary>In order.</summary>
    public IReadOnlyList<string> Commands => commands;

    /// <summary>What the disk holds after them.</summary>
    public byte[] Content => content;

    // First: qemu-io refuses to compress a cluster that has data.
    private void Compress()
    {
        if (!kind.CanCompress || kind.Preallocation != "off" || random.Next(2) == 0)
            return;
        foreach (var cluster in Enumerable.Range(0, content.Length / kind.ClusterLength).OrderBy(_ => random.Next()).Take(random.Next(8)))
            Write("write -q -c", (long)cluster * kind.ClusterLength, kind.ClusterLength);
    }

    private void Add()
    {
        var (offset, length) = Range();
        switch (random.Next(12))
        {
            case < 4:
                Write("write -q", offset, length);
                break;
            case 4 or 5:
                WriteSeveral();
                break;
            case 6 or 7:
                content.AsSpan((int)offset, length).Clear();
                commands.Add($"write -q -z {(random.Next(2) == 0 ? "-u " : "")}{offset} {length}");
                break;
            case 8 when !kind.IsDataFileRaw:
                Discard(offset, length);
                break;
            case 9 when kind.CanGrow:
                Resize();
                break;
            case 10:
                commands.Add("flush");
                break;
            default:
                commands.Add($"read -q {offset} {length}");
                break;
        }
    }

    private void Write(string command, long offset, int length)
    {
        var pattern = random.Next(1, 256);
        content.AsSpan((int)offset, length).Fill((byte)pattern);
        commands.Add($"{command} -P {pattern} {offset} {length}");
    }

    // In flight together, next to each other.
    private void WriteSeveral()
    {
        var (offset, _) = Range();
        for (var i = random.Next(2, 7); i > 0 && offset < content.Length; i--)
        {
            var length = (int)Math.Min(random.Next(1, Math.Min(2 * kind.ClusterLength, 64 << 10)), content.Length - offset);
            Write("aio_write -q", offset, length);
            offset += length;
        }

        commands.Add("aio_flush");
    }

    private void Discard(long offset, int length)
    {
        commands.Add($"discard -q {offset} {length}");
        var start = (offset + kind.ClusterLength - 1) & -(long)kind.ClusterLength;
        var end = offset + length == content.Length ? content.Length : (offset + length) & -(long)kind.ClusterLength;
        if (end > start && kind.DiscardsToZeroes(passesDiscards: true))
            content.AsSpan((int)start, (int)(end - start)).Clear();
    }

    private void Resize()
    {
        // Why: QEMU cannot zero a part of a compressed cluster, which it does when a disk grows that ends inside of one.
        var unit = kind.ExtendedL2 && kind.BackingLength >= 0 ? kind.ClusterLength : 512;
        var length = Math.Clamp((content.Length + random.Next(-64 << 10, 64 << 10)) & -unit, unit, Math.Max(unit, (int)kind.MaxLength & -unit));
        var old = content.Length;
        commands.Add($"truncate {length}");
        Array.Resize(ref content, length);

        // Why: QEMU shows again what a shrinking has left in the last cluster.
        var end = Math.Min(length, (old + kind.ClusterLength - 1) & -kind.ClusterLength);
        if (end > old)
            commands.Add($"write -q -z {old} {end - old}");
    }

    private (long Offset, int Length) Range()
    {
        var offset = random.NextInt64(content.Length);
        long length = random.Next(1, Math.Min(8 * kind.ClusterLength, 256 << 10));
        if (random.Next(3) == 0)
            offset &= -(long)kind.ClusterLength;
        else if (random.Next(2) == 0)
            (offset, length) = (offset & -512, (length + 511) & -512);
        return (offset, (int)Math.Min(length, content.Length - offset));
    }
}
