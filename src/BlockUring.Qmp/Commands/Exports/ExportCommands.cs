namespace BlockUring.Qmp.Commands.Exports;

/// <summary>The commands about the NBD server and exports.</summary>
internal static class ExportCommands
{
    /// <summary>All of them.</summary>
    public static IEnumerable<QmpCommand> All =>
    [
        new ServerStartCommand(),
        new ServerStopCommand(),
        new ServerAddCommand(),
        new ServerRemoveCommand(),
        new ExportAddCommand(),
        new ExportRemoveCommand(),
        new QueryExportsCommand(),
    ];

    /// <summary>"safe" where nothing was said.</summary>
    public static ExportRemoveMode ModeOf(string? text) => text == "hard" ? ExportRemoveMode.Hard : ExportRemoveMode.Safe;
}
