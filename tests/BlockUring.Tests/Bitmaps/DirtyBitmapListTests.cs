using BlockUring.Bitmaps;
using BlockUring.Storage;
using Xunit;

namespace BlockUring.Tests.Bitmaps;

public class DirtyBitmapListTests
{
    private readonly DirtyBitmapList list = [];

    [Fact]
    public void Writes_are_entered_in_enabled_bitmaps_alone()
    {
        var enabled = list.Create("a", 1 << 20, 512);
        var disabled = list.Create("b", 1 << 20, 512);
        disabled.Disable();
        list.MarkWritten(1000, 100);
        Assert.Equal(1024, enabled.Count);
        Assert.Equal(0, disabled.Count);
        disabled.Enable();
        list.MarkWritten(0, 1);
        Assert.Equal(512, disabled.Count);
    }

    [Fact]
    public void A_frozen_bitmap_keeps_its_bits_and_its_successor_records()
    {
        var bitmap = list.Create("a", 1 << 20, 512);
        list.MarkWritten(0, 512);
        var successor = bitmap.CreateSuccessor();
        Assert.True(bitmap is { IsBusy: true, HasSuccessor: true, IsEnabled: false, IsRecording: true });
        list.MarkWritten(512, 512);
        Assert.Equal(-1, bitmap.NextDirty(512, 1 << 20));
        Assert.Equal(512, successor.NextDirty(0, 1 << 20));
        Assert.Equal("Bitmap 'a' is currently in use by another operation and cannot be used", Error(() => list.Get("a", BitmapDemands.Readable)));
        Assert.Equal("Cannot create a successor for a bitmap that is in-use by an operation", Error(() => bitmap.CreateSuccessor()));
    }

    [Fact]
    public void An_heir_takes_name_and_persistence()
    {
        var bitmap = list.Create("a", 1 << 20, 512);
        bitmap.IsPersistent = true;
        list.MarkWritten(0, 512);
        bitmap.CreateSuccessor();
        list.MarkWritten(512, 512);
        var heir = bitmap.Abdicate();
        Assert.Same(heir, Assert.Single(list));
        Assert.Same(heir, list.Get("a", BitmapDemands.All));
        Assert.True(heir is { IsPersistent: true, IsBusy: false, HasSuccessor: false, IsEnabled: true });
        Assert.Equal(512, heir.NextDirty(0, 1 << 20));
        Assert.True(bitmap is { IsAllClean: true, IsPersistent: false, Name: null });
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void What_is_reclaimed_has_both_bits_and_records_as_before(bool isEnabled)
    {
        var bitmap = list.Create("a", 1 << 20, 512);
        bitmap.Set(0, 512);
        if (!isEnabled)
            bitmap.Disable();
        var successor = bitmap.CreateSuccessor();
        list.MarkWritten(512, 512);
        Assert.Equal(isEnabled ? 512 : 0, successor.Count);
        bitmap.Reclaim();
        Assert.Same(bitmap, Assert.Single(list));
        Assert.Equal(isEnabled ? 1024 : 512, bitmap.Count);
        Assert.True(!bitmap.IsBusy && !bitmap.HasSuccessor && bitmap.IsEnabled == isEnabled);
    }

    [Fact]
    public void A_successor_of_a_bitmap_in_no_list_is_in_none()
    {
        var bitmap = new DirtyBitmap("a", 1 << 20, 512);
        bitmap.CreateSuccessor().Set(0, 1);
        bitmap.Reclaim();
        Assert.Equal(512, bitmap.Count);
    }

    [Fact]
    public void Bitmaps_follow_the_length_of_the_disk()
    {
        var bitmap = list.Create("a", 1 << 20, 65536);
        list.Add(new DirtyBitmap(null, 1 << 20, 512));
        list.MarkWritten(0, 1 << 20);
        list.Truncate(100_000);
        Assert.Equal(2 * 65536, bitmap.Count);
        list.Truncate(1 << 21);
        list.MarkWritten((1 << 21) - 1, 1);
        Assert.Equal(3 * 65536, bitmap.Count);
    }

    [Fact]
    public void Refusals_are_in_QEMUs_words()
    {
        var bitmap = list.Create("x", 1 << 20, 512);
        Assert.Equal("Bitmap name cannot be empty", Error(() => list.Create("", 0, 3)));
        Assert.Equal("Granularity must be power of 2 and at least 512", Error(() => list.Create("x", 0, 1000)));
        Assert.Equal("Granularity must be power of 2 and at least 512", Error(() => list.Create("x", 0, 256)));
        Assert.Equal("Bitmap already exists: x", Error(() => list.Create("x", 0, 512)));
        var longName = new string('é', 512);
        Assert.Equal("Bitmap name too long: " + longName, Error(() => list.Create(longName, 0, 512)));
        Assert.Equal("Dirty bitmap 'nope' not found", Error(() => list.Get("nope")));
        bitmap.IsInconsistent = true;
        Assert.Equal("Bitmap 'x' is inconsistent and cannot be used", Error(() => list.Get("x", BitmapDemands.Readable)));
        bitmap.IsReadOnly = true;
        Assert.Equal("Bitmap 'x' is readonly and cannot be modified", Error(() => list.Get("x", BitmapDemands.All)));
        Assert.Equal("Bitmap 'x' is readonly and cannot be modified", Error(() => list.Get("x", BitmapDemands.Removable)));
        bitmap.IsBusy = true;
        Assert.Equal("Bitmap 'x' is currently in use by another operation and cannot be used", Error(() => list.Get("x", BitmapDemands.All)));
        Assert.Same(bitmap, list.Get("x"));
    }

    private static string Error(Action action) => Assert.Throws<BlockException>(action).Message;
}
