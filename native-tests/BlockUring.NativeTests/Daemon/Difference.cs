namespace BlockUring.NativeTests.Daemon;

/// <summary>Where our daemon answers something else than the peer, on purpose.</summary>
/// <param name="Command">The line of the transcript before the answer.</param>
/// <param name="Peer">The peer's answer.</param>
/// <param name="Ours">Our answer.</param>
/// <param name="Why">What is better about it, for the reader.</param>
internal sealed record Difference(string Command, string Peer, string Ours, string Why)
{
    /// <summary>The peer's transcript with our answer in it.</summary>
    public string Apply(string transcript)
    {
        var (theirs, ours) = ($"{Command}\n    {Peer}\n", $"{Command}\n    {Ours}\n");
        return transcript.Contains(theirs, StringComparison.Ordinal)
            ? transcript.Replace(theirs, ours, StringComparison.Ordinal)
            : throw new InvalidOperationException($"The transcript has no such answer ({Why}):\n{theirs}");
    }
}
