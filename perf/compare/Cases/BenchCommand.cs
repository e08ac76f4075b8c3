namespace BlockUring.Compare.Cases;

/// <summary>Many small requests to one image, by the command bench of both programs: depth 64, O_DIRECT, and native asynchronous I/O on the peer's side.</summary>
internal static class BenchCommand
{
    // The image is new in every run; making it is inside the measured time, and the same for both.
    private const string WriteScript =
        """
        target=$1 bytes=$2
        shift 2
        qemu-img create -q -f qcow2 "$target" "$bytes" && exec "$@"
        """;

    private static readonly string[] _common = ["bench", "-f", "qcow2", "-t", "none", "-n", "-d", "64"];

    /// <summary>What every byte that is written holds, so that a check can see it.</summary>
    public const byte Pattern = 165;

    /// <summary>The command line of a case that has <see cref="CompareCase.Bench"/>.</summary>
    /// <param name="program">The program and its first words.</param>
    /// <param name="work">What is asked of it.</param>
    /// <param name="source">The image that is read, or as large as the one to be written.</param>
    /// <param name="sourcePath">Where it is.</param>
    /// <param name="targetPath">The image to be written; empty for reads.</param>
    public static IReadOnlyList<string> Make(
        IReadOnlyList<string> program, BenchWork work, SourceImage source, string sourcePath, string targetPath)
    {
        var (count, step) = (work.Count(source.GuestBytes), work.StepBytes);
        IReadOnlyList<string> requests = [.. program, .. _common, "-c", $"{count}", "-s", $"{work.RequestBytes}", "-S", $"{step}"];
        return work.IsWrite
            ? ["bash", "-c", WriteScript, "bench", targetPath, $"{source.GuestBytes}", .. requests, "-w", $"--pattern={Pattern}", targetPath]
            : [.. requests, sourcePath];
    }
}
