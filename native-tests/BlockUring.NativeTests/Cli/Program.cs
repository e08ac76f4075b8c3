using System.Diagnostics;

namespace BlockUring.NativeTests.Cli;

/// <summary>Runs our program, or a peer's, as a process of its own.</summary>
internal static class Program
{
    private const int PatienceMs = 60_000;

    private static readonly string[] Ours =
        (Environment.GetEnvironmentVariable("BLOCKURING") ?? Environment.GetEnvironmentVariable("BLOCKURING_BINARY")) is { } binary
            ? [binary]
            : ["dotnet", Path.Combine(AppContext.BaseDirectory, "blockuring.dll")];

    /// <summary>Starts our program.</summary>
    public static Process Start(string folder, params string[] arguments) => Start([.. Ours, .. arguments], folder);

    /// <summary>Runs our program to its end.</summary>
    public static (int ExitCode, string Output, string Error) Run(string folder, params string[] arguments) => Finish(Start(folder, arguments), "");

    /// <summary>Runs our program to its end, with lines to read.</summary>
    public static (int ExitCode, string Output, string Error) RunWithInput(string folder, string input, params string[] arguments) =>
        Finish(Start(folder, arguments), input);

    /// <summary>Runs another program to its end.</summary>
    public static (int ExitCode, string Output, string Error) RunPeer(string folder, params string[] command) => Finish(Start(command, folder), "");

    /// <summary>Waits for a process's end.</summary>
    public static (int ExitCode, string Output, string Error) Finish(Process process, string input)
    {
        using (process)
        {
            var error = process.StandardError.ReadToEndAsync();
            process.StandardInput.Write(input);
            process.StandardInput.Close();
            var output = process.StandardOutput.ReadToEnd();
            if (!process.WaitForExit(PatienceMs))
            {
                process.Kill();
                throw new TimeoutException("the program did not end");
            }

            return (process.ExitCode, output, error.Result);
        }
    }

    private static Process Start(string[] command, string folder) => Process.Start(new ProcessStartInfo(command[0], command[1..])
    {
        WorkingDirectory = folder,
        RedirectStandardInput = true,
        RedirectStandardOutput = true,
        RedirectStandardError = true,
    })!;
}
