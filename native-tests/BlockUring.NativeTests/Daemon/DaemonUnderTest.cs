using System.ComponentModel;
using System.Diagnostics;

namespace BlockUring.NativeTests.Daemon;

/// <summary>Finds the two daemons on this host, and says why one is not there.</summary>
internal static class DaemonUnderTest
{
    private const string PeerName = "qemu-storage-daemon";

    // The transcripts beside the tests are of this one; others use other words in places.
    private const string PeerVersion = "version 7.2.";

    private static readonly string[] Ours = FindOurs();
    private static readonly Lazy<string?> OursIsMissing = new(() => Ask(Ours, "--help", "--blockdev")
        ? null
        : $"{string.Join(' ', Ours)} is not a storage daemon yet.");

    private static readonly Lazy<string?> PeerIsMissing = new(() => Ask([PeerName], "--version", PeerVersion)
        ? null
        : $"This host has no {PeerName} {PeerVersion}x.");

    /// <summary>The program of a side and its first arguments.</summary>
    public static string[] Command(Side side) => side == Side.Peer ? [PeerName] : Ours;

    /// <summary>Why a side cannot play; null when it can.</summary>
    public static string? WhyMissing(Side side) => (side == Side.Peer ? PeerIsMissing : OursIsMissing).Value;

    // The binary that BLOCKURING (or BLOCKURING_BINARY) names, else the build beside the tests.
    private static string[] FindOurs()
    {
        var binary = Environment.GetEnvironmentVariable("BLOCKURING_BINARY") ?? Environment.GetEnvironmentVariable("BLOCKURING");
        return binary != null ? [binary, "daemon"] : ["dotnet", Path.Combine(AppContext.BaseDirectory, "blockuring.dll"), "daemon"];
    }

    private static bool Ask(string[] command, string option, string expected)
    {
        var start = new ProcessStartInfo(command[0], [.. command[1..], option]) { RedirectStandardOutput = true, RedirectStandardError = true };
        try
        {
            using var process = Process.Start(start)!;
            var error = process.StandardError.ReadToEndAsync();
            var output = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            error.Wait();
            return process.ExitCode == 0 && output.Contains(expected, StringComparison.Ordinal);
        }
        catch (Win32Exception)
        {
            return false;
        }
    }
}
