using BlockUring.Storage;

namespace BlockUring.Images.Raw;

/// <summary>Raw space is always there and always visible: nothing to publish, nothing to give back.</summary>
internal sealed class RawReservation : WriteReservation
{
    public RawReservation(BlockFile file, long hostOffset, long guestOffset, long length)
    {
        File = file;
        HostOffset = hostOffset;
        GuestOffset = guestOffset;
        Length = length;
    }

    public override ValueTask PublishAsync() => ValueTask.CompletedTask;

    public override void Abandon()
    {
    }
}
