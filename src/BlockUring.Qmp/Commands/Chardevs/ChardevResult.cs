namespace BlockUring.Qmp.Commands.Chardevs;

/// <summary>What chardev-add and chardev-change answer.</summary>
/// <param name="Pty">The terminal that was made; null: devices here make none.</param>
internal sealed record ChardevResult(string? Pty = null);
