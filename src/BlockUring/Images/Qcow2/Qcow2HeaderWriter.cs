using System.Buffers.Binary;
using BlockUring.Storage;

namespace BlockUring.Images.Qcow2;

/// <summary>Changes the header in the file, by as few sectors as can be.</summary>
/// <remarks>Single fields lie in the first sector, which no power cut tears. Orders and flushes nothing.</remarks>
internal sealed class Qcow2HeaderWriter(Qcow2Image image)
{
    private const int MaxFieldsLength = 24;

    private readonly BlockFile file = image.File;

    /// <summary>Writes one number of 4 bytes.</summary>
    public ValueTask WriteAsync(int offset, uint value) => WriteAsync(offset, 4, bytes => BinaryPrimitives.WriteUInt32BigEndian(bytes, value));

    /// <summary>Writes one number of 8 bytes.</summary>
    public ValueTask WriteAsync(int offset, ulong value) => WriteAsync(offset, 8, bytes => BinaryPrimitives.WriteUInt64BigEndian(bytes, value));

    /// <summary>Writes where the refcount table is.</summary>
    public ValueTask WriteRefcountTableAsync(long tableOffset, int clusterCount) => WriteAsync(Qcow2Header.RefcountTableFieldOffset, 12, bytes =>
    {
        BinaryPrimitives.WriteInt64BigEndian(bytes, tableOffset);
        BinaryPrimitives.WriteInt32BigEndian(bytes[8..], clusterCount);
    });

    /// <summary>Writes where the snapshot table is.</summary>
    public ValueTask WriteSnapshotTableAsync(int count, long tableOffset) => WriteAsync(Qcow2Header.SnapshotCountOffset, 12, bytes =>
    {
        BinaryPrimitives.WriteInt32BigEndian(bytes, count);
        BinaryPrimitives.WriteInt64BigEndian(bytes[4..], tableOffset);
    });

    /// <summary>Writes the guest size and where the L1 table is.</summary>
    public ValueTask WriteGuestLengthAsync() => WriteAsync(Qcow2Header.GuestLengthOffset, MaxFieldsLength, bytes =>
    {
        BinaryPrimitives.WriteInt64BigEndian(bytes, image.Header.GuestLength);
        BinaryPrimitives.WriteInt32BigEndian(bytes[8..], image.Header.EncryptionMethod);
        BinaryPrimitives.WriteInt32BigEndian(bytes[12..], image.Header.L1Count);
        BinaryPrimitives.WriteInt64BigEndian(bytes[16..], image.Header.L1Offset);
    });

    /// <summary>Whether a header has room in the first cluster.</summary>
    public bool Fits(Qcow2Header changed)
    {
        using var cluster = file.Buffers.Rent(changed.Room);
        return Qcow2HeaderSerializer.TrySerialize(changed, cluster.Span);
    }

    /// <summary>Whether <see cref="RewriteAsync"/> has failed so that it is unknown which header the file has.</summary>
    public bool IsUndecided { get; private set; }

    /// <summary>Makes another header the one in force, with its extensions and names, durably: see <see cref="Qcow2HeaderRewrite"/>.</summary>
    /// <exception cref="BlockException">It has no room in the first cluster (ENOSPC; nothing is written), or cannot be written.</exception>
    public async ValueTask RewriteAsync(Qcow2Header changed)
    {
        using var rewrite = new Qcow2HeaderRewrite(file, changed);
        try
        {
            await rewrite.RunAsync();
        }
        finally
        {
            IsUndecided = rewrite.IsUndecided;
        }
    }

    private async ValueTask WriteAsync(int offset, int length, SpanFiller fill)
    {
        using var buffer = file.Buffers.Rent(MaxFieldsLength);
        fill(buffer.Span);
        await file.WriteAsync(offset, buffer.Memory.Slice(0, length));
    }

    private delegate void SpanFiller(Span<byte> bytes);
}
