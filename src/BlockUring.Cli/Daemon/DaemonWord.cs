namespace BlockUring.Cli.Daemon;

/// <summary>One option of a command line, with its value.</summary>
/// <param name="Name">The option's full name; empty for a word that is none.</param>
/// <param name="Value">Empty for an option without one.</param>
/// <param name="Words">As given: what messages begin with.</param>
internal readonly record struct DaemonWord(string Name, string Value, string Words);
