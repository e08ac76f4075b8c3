using System.Runtime.CompilerServices;
using BlockUring.Storage;

namespace BlockUring.Images.Raw;

/// <summary>Guest bytes are the file's bytes, optionally a window of them (options "offset" and "size").</summary>
internal sealed class RawImage : ImageFormat
{
    private readonly BlockFile file;
    private readonly long start;
    private readonly long? size;

    public RawImage(BlockFile file, string name = "raw", long start = 0, long? size = null)
    {
        this.file = file;
        this.start = start;
        this.size = size;
        Name = name;
    }

    public override string Name { get; }

    /// <summary>The window's size, or the file's length; a last partial sector counts as whole, as in QEMU.</summary>
    public override long Length => size ?? (file.Length - start + 511 & ~511L);

    public override bool IsZeroWhenNew => file.CanGrow;

    public override ValueTask<Mapping> MapAsync(long guestOffset, long maxLength) =>
        new(new Mapping(MappingKind.Data, maxLength, file, start + guestOffset, MayBeSparse: true));

    public override bool TryMapForOverwrite(long guestOffset, long length, out BlockFile target, out long hostOffset)
    {
        target = file;
        hostOffset = start + guestOffset;
        return true;
    }

    [AsyncMethodBuilder(typeof(PooledTaskBuilder<>))]
    public override async ValueTask<long> ZeroAsync(long guestOffset, long length, bool mayUnmap)
    {
        await file.WriteZeroesAsync(start + guestOffset, length, mayUnmap);
        return length;
    }

    public override ValueTask DiscardAsync(long guestOffset, long length) =>
        PassesDiscards ? file.DiscardAsync(start + guestOffset, length) : ValueTask.CompletedTask;

    public override ValueTask ResizeAsync(long newLength, PreallocationMode preallocation, bool hidesBacking)
    {
        if (size != null)
            throw new BlockException(BlockErrorKind.Unsupported, "Cannot resize fixed-size raw disks");
        if (newLength > long.MaxValue - start)
            throw new BlockException(BlockErrorKind.Invalid, "Disk size too large for the chosen offset");
        if (preallocation == PreallocationMode.Metadata)
            throw new BlockException(BlockErrorKind.Unsupported, "Unsupported preallocation mode: metadata");
        return file.SetLengthAsync(start + newLength, preallocation);
    }

    public override ValueTask FlushAsync() => file.FlushAsync();

    // Why: QEMU's drivers of files on other hosts tell nothing of that kind.
    public override ImageDescription Describe() => new() { IsDirty = file.Underlying.DependsOnPeer ? null : false };
}
