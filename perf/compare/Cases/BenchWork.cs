namespace BlockUring.Compare.Cases;

/// <summary>Requests of one length, each a fixed step behind the one before, around the end of the image.</summary>
/// <param name="IsWrite">Writes to a new image; else reads.</param>
/// <param name="RequestBytes">Length of a request.</param>
/// <param name="StepBytes">From one request to the next; an odd number of units that the requests are spread over, so that all of them are met once.</param>
/// <param name="UnitBytes">The image is met in units of this length, one request in each.</param>
internal sealed record BenchWork(bool IsWrite, int RequestBytes, long StepBytes, int UnitBytes)
{
    /// <summary>How many requests meet every unit of an image once.</summary>
    public long Count(long guestBytes) => guestBytes / UnitBytes;
}
