namespace BlockUring.Qmp.Commands.Chardevs;

/// <summary>A character device, as query-chardev answers.</summary>
/// <param name="Label">Its id.</param>
/// <param name="Filename">What it is and where.</param>
/// <param name="FrontendOpen">Whether something in the daemon uses it.</param>
internal sealed record ChardevInfo(string Label, string Filename, bool FrontendOpen);
