using System.Diagnostics;
using Xunit;

namespace BlockUring.NativeTests.Abi;

/// <summary>What the C program abi.c says about this machine's headers: compiled and run on demand, in a folder that goes away again.</summary>
internal static class HeaderFacts
{
    private static readonly string[] Compilers = ["cc", "gcc", "clang"];

    /// <summary>Lines of abi.c by their first word. Skips the test on a host that cannot compile it.</summary>
    public static IReadOnlyDictionary<string, string> Read()
    {
        Assert.SkipUnless(File.Exists("/usr/include/linux/io_uring.h"), "no linux/io_uring.h on this host");
        var source = Path.Combine(AppContext.BaseDirectory, "abi", "abi.c");
        var folder = Directory.CreateTempSubdirectory("blockuring-abi-");
        try
        {
            var program = Path.Combine(folder.FullName, "abi");
            var compiler = Compilers.FirstOrDefault(c => FindOnPath(c) != null);
            Assert.SkipWhen(compiler == null, "no C compiler on this host");
            _ = Output(compiler!, "-Wall", "-Wextra", "-Werror", "-o", program, source);
            return Parse(Output(program));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static Dictionary<string, string> Parse(string output)
    {
        var facts = new Dictionary<string, string>();
        foreach (var line in output.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            var words = line.Split(' ', 2);
            facts.Add(words[0], words[1]);
        }

        return facts;
    }

    private static string? FindOnPath(string program) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Select(p => Path.Combine(p, program)).FirstOrDefault(File.Exists);

    private static string Output(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"{program} failed: {errors.Result}");
        return output;
    }
}
