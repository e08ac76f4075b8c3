using System.Diagnostics;
using Xunit;

namespace BlockUring.NativeTests.Storage;

/// <summary>Runs programs of the host.</summary>
internal static class Tool
{
    public static bool Exists(string name) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Append("/usr/sbin").Append("/sbin").Any(p => File.Exists(Path.Combine(p, name)));

    public static void Demand(string name) => Assert.SkipUnless(Exists(name), $"{name} is not installed");

    public static (int Code, string Output) TryRun(string name, params string[] arguments)
    {
        using var process = Start(name, arguments);
        process.StandardInput.Close();
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output + errors.Result);
    }

    public static string Run(string name, params string[] arguments)
    {
        var (code, output) = TryRun(name, arguments);
        Assert.True(code == 0, $"{name} {string.Join(' ', arguments)} ended with {code}: {output}");
        return output.Trim();
    }

    public static Process Start(string name, params string[] arguments)
    {
        var info = new ProcessStartInfo(name, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        return Process.Start(info) ?? throw new InvalidOperationException(name);
    }
}
