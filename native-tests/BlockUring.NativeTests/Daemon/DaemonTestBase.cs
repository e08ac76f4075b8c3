using System.Runtime.CompilerServices;
using Xunit;

namespace BlockUring.NativeTests.Daemon;

/// <summary>Plays scenarios against both daemons: both transcripts must be the one in the folder Golden.</summary>
/// <remarks>
/// Where ours is another one on purpose, in too many places for a <see cref="Difference"/>, it is in NAME.ours.txt, and the test says why.
/// BLOCKURING_UPDATE_GOLDEN=1 writes the transcripts of the peer to that folder. Ours are never written there.
/// </remarks>
public abstract class DaemonTestBase
{
    private static readonly bool Update = Environment.GetEnvironmentVariable("BLOCKURING_UPDATE_GOLDEN") == "1";

    /// <summary>The peer, and our daemon once there is one.</summary>
    public static TheoryData<Side> Sides => DaemonUnderTest.WhyMissing(Side.Ours) == null ? [Side.Peer, Side.Ours] : [Side.Peer];

    /// <summary>Plays a script.</summary>
    /// <param name="side">Whose daemon.</param>
    /// <param name="script">See <see cref="Scenario"/>.</param>
    /// <param name="ours">Where our transcript differs from the peer's, and why.</param>
    /// <param name="name">Of the transcript.</param>
    internal static void Play(Side side, string script, Difference[]? ours = null, [CallerMemberName] string name = "") =>
        Play(side, s => s.Play(script), ours, name);

    /// <summary>Plays a scenario and compares the transcript.</summary>
    internal static void Play(Side side, Action<Scenario> play, Difference[]? ours = null, [CallerMemberName] string name = "")
    {
        // The peer's tools make the images and judge them, whoever plays.
        if ((DaemonUnderTest.WhyMissing(Side.Peer) ?? DaemonUnderTest.WhyMissing(side)) is { } reason)
            Assert.Skip(reason);
        using var scenario = new Scenario(side);
        play(scenario);
        var actual = scenario.Transcript.ToString();
        var file = Path.Combine(GoldenFolder(), name + ".txt");
        if (Update && side == Side.Peer)
            File.WriteAllText(file, actual);
        Assert.True(File.Exists(file), $"There is no {file}; BLOCKURING_UPDATE_GOLDEN=1 writes it.");
        var oursOnly = Path.Combine(GoldenFolder(), name + ".ours.txt");
        var expected = File.ReadAllText(side == Side.Ours && File.Exists(oursOnly) ? oursOnly : file);
        if (side == Side.Ours && ours != null)
            expected = ours.Aggregate(expected, (text, difference) => difference.Apply(text));
        AssertSame(expected, actual);
    }

    private static string GoldenFolder([CallerFilePath] string thisFile = "") => Path.Combine(Path.GetDirectoryName(thisFile)!, "Golden");

    private static void AssertSame(string expected, string actual)
    {
        if (expected == actual)
            return;
        var (wanted, got) = (expected.Split('\n'), actual.Split('\n'));
        var index = Enumerable.Range(0, int.MaxValue).First(i => i >= wanted.Length || i >= got.Length || wanted[i] != got[i]);
        var before = string.Join('\n', got.Take(index).TakeLast(8));
        Assert.Fail($"Line {index + 1} differs, after\n{before}\n\nexpected:\n{Part(wanted, index)}\n\nactual:\n{Part(got, index)}");
    }

    private static string Part(string[] lines, int index) => string.Join('\n', lines.Skip(index).Take(6));
}
