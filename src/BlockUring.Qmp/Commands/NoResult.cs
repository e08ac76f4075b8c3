namespace BlockUring.Qmp.Commands;

/// <summary>The answer of a command that has nothing to tell.</summary>
internal sealed record NoResult
{
    /// <summary>The only one.</summary>
    public static NoResult Value { get; } = new();
}
