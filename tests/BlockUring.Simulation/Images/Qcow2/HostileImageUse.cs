using BlockUring.Images;
using BlockUring.Native.Memory;
using BlockUring.Simulation.Storage;
using BlockUring.Storage;

namespace BlockUring.Simulation.Images.Qcow2;

/// <summary>Everything that can be done with an image, done to one that may be broken anywhere: each step ends, well or with a <see cref="BlockException"/>.</summary>
internal sealed class HostileImageUse(MemoryFileHost host, Random random)
{
    private const int MaxSteps = 200;
    private const int MaxRequest = 64 << 10;

    /// <summary>Looks at the image, checks it, and writes to it.</summary>
    /// <returns>Whether it could be opened at all.</returns>
    public bool Run()
    {
        var opened = Use(new FileOpenOptions(), Look);
        Use(new FileOpenOptions(), image => image.Format.CheckAsync(new CheckRequest(_ => { })).Now(), forCheck: true);
        Use(new FileOpenOptions(ReadOnly: false), Change);
        return opened;
    }

    private static void Attempt(Action action)
    {
        try
        {
            action();
        }
        catch (BlockException)
        {
            // Refused: an expected answer.
        }
    }

    private bool Use(FileOpenOptions options, Action<Image> use, bool forCheck = false)
    {
        Image image;
        try
        {
            var settings = new ImageOpenSettings(host, options) { ForCheck = forCheck };
            image = BackingChain.OpenAsync(ImageKind.Path, "qcow2", settings).Now();
        }
        catch (BlockException)
        {
            return false;
        }

        Attempt(() => use(image));
        image.DisposeAsync().Now();
        return true;
    }

    private void Look(Image image)
    {
        var description = image.Format.Describe();
        image.Format.MeasureBitmaps(65536);
        Attempt(() => image.LoadBitmapsAsync().Now());
        Walk(image, 0);
        if (image.Length > 0)
            Walk(image, random.NextInt64(image.Length));
        foreach (var snapshot in description.Snapshots.Take(3))
        {
            Attempt(() => image.Format.LoadSnapshotAsync(snapshot.Id, null).Now());
            Walk(image, 0);
        }
    }

    private static void Walk(Image image, long offset)
    {
        using var buffer = image.Buffers.Rent(MaxRequest);
        for (var step = 0; step < MaxSteps && offset < image.Length; step++)
        {
            long next = image.ClusterLength;
            Attempt(() => next = image.GetStatusAsync(offset, image.Length - offset).Now().Length);
            if (next < 1 || next > image.Length - offset + image.ClusterLength)
                throw new InvalidOperationException($"{next} bytes at {offset} of {image.Length}");
            Attempt(() => image.ReadAsync(offset, buffer.Memory.Slice(0, (int)Math.Min(Math.Min(buffer.Length, next), image.Length - offset))).Now());
            offset += next;
        }
    }

    private void Change(Image image)
    {
        Attempt(() => image.LoadBitmapsAsync().Now());
        using var buffer = image.Buffers.Rent(MaxRequest);
        random.NextBytes(buffer.Span);
        for (var step = random.Next(4, 12); step > 0; step--)
            Attempt(() => ChangeOnce(image, buffer.Memory));
        Attempt(() => image.FlushAsync().Now());
        if (image.Bitmaps != null)
            Attempt(() => image.StoreBitmapsAsync().Now());
    }

    private static void Resize(Image image, long length)
    {
        if (length < 0)
            return;
        if (image.Bitmaps != null)
            image.Format.DemandBitmapsResizable(image.Bitmaps, length);
        image.ResizeAsync(length).Now();
        image.Bitmaps?.Truncate(length);
    }

    private void ChangeOnce(Image image, IoMemory bytes)
    {
        var offset = image.Length == 0 ? 0 : random.NextInt64(image.Length);
        if (random.Next(2) == 0)
            offset &= -(long)image.ClusterLength;
        var length = (int)Math.Min(random.Next(1, MaxRequest), image.Length - offset);
        switch (random.Next(9))
        {
            case 0:
                image.WriteZeroesAsync(offset, length, random.Next(2) == 0 ? WriteFlags.MayUnmap : WriteFlags.None).Now();
                break;
            case 1:
                image.DiscardAsync(offset, length).Now();
                break;
            case 2 when image.Length > 0:
                image.WriteCompressedAsync(offset & -(long)image.ClusterLength, bytes.Slice(0, Math.Min(MaxRequest, image.ClusterLength) / 2)).Now();
                break;
            case 3:
                image.FlushAsync().Now();
                break;
            case 4:
                image.Format.CreateSnapshotAsync("hostile", DateTimeOffset.UnixEpoch, null).Now();
                break;
            case 5 when image.Format.Describe().Snapshots is { Count: > 0 } snapshots:
                var id = snapshots[random.Next(snapshots.Count)].Id;
                (random.Next(2) == 0 ? image.Format.ApplySnapshotAsync(id, null) : image.Format.DeleteSnapshotAsync(id, null)).Now();
                image.Bitmaps?.Truncate(image.Length);
                break;
            case 6:
                Resize(image, (image.Length + random.Next(-MaxRequest, MaxRequest)) & ~511L);
                break;
            default:
                if (length > 0)
                    image.WriteAsync(offset, bytes.Slice(0, length)).Now();
                break;
        }
    }
}
