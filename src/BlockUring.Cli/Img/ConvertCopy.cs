using BlockUring.Cli.Output;
using BlockUring.Storage;

namespace BlockUring.Cli.Img;

/// <summary>Copies the sources' content into the target: piece by piece, one at a time.</summary>
internal static class ConvertCopy
{
    private const int PieceLength = 2 << 20;

    /// <summary>Copies, and flushes the target.</summary>
    /// <exception cref="CommandFailure">A read or a write failed.</exception>
    public static async ValueTask RunAsync(ConvertWork work, ProgressReport progress)
    {
        var total = work.Sources.Length;
        long target = 0;
        foreach (var source in work.Sources.Images)
        {
            using var buffer = source.Buffers.Rent(PieceLength);
            for (long offset = 0; offset < source.Length;)
            {
                var status = await source.GetStatusAsync(offset, source.Length - offset);
                var length = status.IsZero ? status.Length : Math.Min(status.Length, PieceLength);
                try
                {
                    if (status.IsZero)
                    {
                        if (!work.Preparation.IsNew || work.Preparation.HasBacking)
                            await work.Target.WriteZeroesAsync(target, length, true);
                    }
                    else
                    {
                        var piece = buffer.Memory.Slice(0, (int)length);
                        await source.ReadAsync(offset, piece);
                        await work.Target.WriteAsync(target, piece);
                    }
                }
                catch (BlockException e)
                {
                    throw new CommandFailure($"error while writing at byte {target}: {ErrorText.OfCause(e)}");
                }

                offset += length;
                target += length;
                progress.Advance((float)length / total * 100);
            }
        }

        await work.Target.FlushAsync();
    }
}
