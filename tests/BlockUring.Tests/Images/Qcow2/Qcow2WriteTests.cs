using BlockUring.Images;
using BlockUring.Images.Qcow2;
using BlockUring.Storage;
using Xunit;

namespace BlockUring.Tests.Images.Qcow2;

/// <summary>Cases of writing that random requests meet too seldom.</summary>
public sealed class Qcow2WriteTests
{
    private const int ClusterLength = 16384;

    [Fact]
    public async Task A_cluster_that_is_copied_keeps_its_data_though_the_write_starts_and_ends_in_zeroes()
    {
        using var made = Qcow2TestImage.Create(1 << 20, $"extended_l2=on,cluster_size={ClusterLength}");
        await WriteAsync(made, 0, ClusterLength, 7);
        var entry = made.Read64(made.L2Table(0));

        // Not marked as ours alone, and all subclusters but the first and the last read as zeroes.
        made.SetEntry(0, new L2Entry(entry & ~L2Entry.CopiedFlag, 0x7ffffffe_80000001));
        await WriteAsync(made, 5000, 100, 9);

        var bytes = await ReadAsync(made, 0, ClusterLength);
        for (var i = 0; i < bytes.Length; i++)
        {
            var expected = i switch { < 512 or >= ClusterLength - 512 => 7, >= 5000 and < 5100 => 9, _ => 0 };
            Assert.True(bytes[i] == expected, $"byte {i} is {bytes[i]}, not {expected}");
        }
    }

    [Fact]
    public async Task The_cluster_of_the_header_is_never_handed_out()
    {
        using var made = Qcow2TestImage.Create(1 << 20, "cluster_size=4k,refcount_bits=8");
        var block = (long)made.Read64(made.Header.RefcountTableOffset);
        made.File.Write(block, [0]);
        var e = await Assert.ThrowsAsync<BlockException>(async () => await WriteAsync(made, 0, 4096, 1));
        Assert.Equal(BlockErrorKind.Corrupt, e.Kind);
        Assert.Equal(Qcow2Header.Magic, (uint)(made.Read64(0) >> 32));
    }

    private static async Task WriteAsync(Qcow2TestImage made, long offset, int length, byte value)
    {
        var image = new Image("test", await made.OpenAsync(readOnly: false), made.File);
        using (var buffer = made.Buffers.Rent(length))
        {
            buffer.Span.Fill(value);
            await image.WriteAsync(offset, buffer.Memory);
        }

        await image.FlushAsync();
        await image.DisposeAsync();
    }

    private static async Task<byte[]> ReadAsync(Qcow2TestImage made, long offset, int length)
    {
        var image = new Image("test", await made.OpenAsync(), made.File);
        using var buffer = made.Buffers.Rent(length);
        await image.ReadAsync(offset, buffer.Memory);
        var bytes = buffer.Span.ToArray();
        await image.DisposeAsync();
        return bytes;
    }
}
