namespace BlockUring.Qmp.Commands;

/// <summary>What query-version answers.</summary>
/// <param name="Qemu">The version of QEMU whose behaviour is followed.</param>
/// <param name="Package">This program.</param>
internal sealed record VersionInfo(VersionTriple Qemu, string Package)
{
    /// <summary>This program's.</summary>
    public static VersionInfo Current { get; } =
        new(new(7, 2, 22), $"BlockUring {typeof(VersionInfo).Assembly.GetName().Version?.ToString(3)}");
}
