using System.Runtime.CompilerServices;
using BlockUring.Storage;

namespace BlockUring.Images;

/// <summary>Copy-on-write: what of a newly reserved cluster the guest does not overwrite is copied from where it was seen until now.</summary>
internal static class ClusterEdges
{
    /// <summary>Copies both edges of a reservation, as far as it has any.</summary>
    public static ValueTask CopyAsync(Image disk, WriteReservation reservation) =>
        reservation.HeadLength == 0 && reservation.TailLength == 0 ? ValueTask.CompletedTask : CopyBothAsync(disk, reservation);

    [AsyncMethodBuilder(typeof(PooledTaskBuilder))]
    private static async ValueTask CopyBothAsync(Image disk, WriteReservation reservation)
    {
        if (reservation.HeadLength > 0)
        {
            var length = (int)reservation.HeadLength;
            await CopyOneAsync(disk, reservation.GuestOffset - length, reservation.File, reservation.HostOffset - length, length);
        }

        if (reservation.TailLength > 0)
        {
            var length = (int)reservation.TailLength;
            await CopyOneAsync(
                disk, reservation.GuestOffset + reservation.Length, reservation.File, reservation.HostOffset + reservation.Length, length);
        }
    }

    [AsyncMethodBuilder(typeof(PooledTaskBuilder))]
    private static async ValueTask CopyOneAsync(Image disk, long guestOffset, BlockFile file, long hostOffset, int length)
    {
        using var buffer = disk.Buffers.Rent(length);
        disk.File.Announce(FileSteps.CowRead);
        await disk.ReadAsync(guestOffset, buffer.Memory);
        disk.File.Announce(FileSteps.CowWrite);
        await file.WriteAsync(hostOffset, buffer.Memory);
    }
}
