namespace BlockUring.Images.Qcow2;

/// <summary>What `info` shows of a qcow2 image, under QEMU's names.</summary>
internal static class Qcow2Description
{
    /// <summary>The facts of an open image.</summary>
    public static ImageDescription Of(Qcow2Image image)
    {
        var info = image.Info;
        return new ImageDescription
        {
            IsEncrypted = image.IsEncrypted,
            IsDirty = info.IsDirty,
            OtherAllocatedBytes = image.DataFile == image.File ? 0 : image.DataFile.AllocatedBytes,
            Snapshots = [.. image.Snapshots.Select(Describe)],
            Specific = new InfoObject
            {
                { "compat", info.Compat },
                { "data-file", info.DataFile },
                { "data-file-raw", info.DataFileRaw },
                { "extended-l2", info.ExtendedL2 },
                { "lazy-refcounts", info.LazyRefcounts },
                { "corrupt", info.IsCorrupt },
                { "refcount-bits", info.RefcountBits },
                { "bitmaps", info.Bitmaps.Count == 0 ? null : info.Bitmaps.Select(Describe).ToList() },
                { "crash-safe-bitmaps", image.Header.Intents == null ? null : true },
                { "compression-type", info.CompressionName },
                { "encrypt", image.Encryption?.Description },
            },
        };
    }

    /// <summary>A snapshot's facts.</summary>
    public static SnapshotDescription Describe(Qcow2Snapshot snapshot) => new(
        snapshot.Id,
        snapshot.Name,
        snapshot.VmStateLength,
        snapshot.TakenAt,
        (long)snapshot.VmClockNs,
        snapshot.InstructionCount < 0 ? null : snapshot.InstructionCount);

    private static InfoObject Describe(Qcow2BitmapInfo bitmap)
    {
        List<string> flags = [];
        if (bitmap.IsInUse)
            flags.Add("in-use");
        if (bitmap.IsAuto)
            flags.Add("auto");
        return new InfoObject { { "name", bitmap.Name }, { "granularity", bitmap.Granularity }, { "flags", flags } };
    }
}
