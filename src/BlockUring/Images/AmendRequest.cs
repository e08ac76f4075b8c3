namespace BlockUring.Images;

/// <summary>What is to be changed of an image that exists.</summary>
/// <param name="Options">By name, values as text; those not named stay as they are.</param>
/// <param name="ResizeAsync">Changes the size of the guest disk.</param>
/// <param name="Progress">Is told how much is done, in percent.</param>
public sealed record AmendRequest(
    IReadOnlyDictionary<string, string> Options, Func<long, ValueTask> ResizeAsync, Action<float> Progress)
{
    /// <summary>Whether to do also what cannot be taken back.</summary>
    public bool Force { get; init; }

    /// <summary>The text of an option, or null when it was not given.</summary>
    public string? Option(string name) => Options.GetValueOrDefault(name);
}
