namespace BlockUring.Compare.Cases;

/// <summary>How the program under test is called.</summary>
/// <param name="Image">As what qemu-img is.</param>
/// <param name="Daemon">As what qemu-storage-daemon is.</param>
internal sealed record SubjectProgram(IReadOnlyList<string> Image, IReadOnlyList<string> Daemon)
{
    /// <summary>The opponent itself.</summary>
    public static SubjectProgram Opponent { get; } = new(["qemu-img"], ["qemu-storage-daemon"]);

    /// <summary>The program of that file name.</summary>
    public static SubjectProgram Of(string binary) => new([binary, "img"], [binary, "daemon"]);
}
