using System.ComponentModel;
using System.Diagnostics;

namespace BlockUring.Compare.Running;

/// <summary>Untimed commands: what prepares, checks and tears down.</summary>
internal static class Tool
{
    /// <summary>
    /// Runs a command and returns what it printed; throws <see cref="ToolException"/> with its error output when it fails.
    /// </summary>
    public static string Run(params IReadOnlyList<string> command) => Run(command, input: null);

    /// <summary>As <see cref="Run(IReadOnlyList{string})"/>, feeding <paramref name="input"/> line by line.</summary>
    public static string Run(IReadOnlyList<string> command, IEnumerable<string>? input)
    {
        using var process = Start(command);
        var output = process.StandardOutput.ReadToEndAsync();
        var errors = process.StandardError.ReadToEndAsync();
        try
        {
            foreach (var line in input ?? [])
                process.StandardInput.WriteLine(line);
            process.StandardInput.Close();
        }
        catch (IOException)
        {
            // The command ended early; its exit code and message say why.
        }

        process.WaitForExit();
        if (process.ExitCode != 0)
            throw new ToolException($"{string.Join(' ', command)}: exit code {process.ExitCode}: {FirstLine(errors.Result + output.Result)}");
        return output.Result;
    }

    /// <summary>True when <paramref name="name"/> is an executable on the path.</summary>
    public static bool Exists(string name) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Append("/usr/sbin").Append("/sbin")
            .Any(folder => File.Exists(Path.Combine(folder, name)));

    /// <summary>The first line of what a version option prints, or null when the command does not work.</summary>
    public static string? Version(params IReadOnlyList<string> command)
    {
        try
        {
            return FirstLine(Run(command));
        }
        catch (ToolException)
        {
            return null;
        }
    }

    /// <summary>The first line of <paramref name="text"/> that is not blank.</summary>
    public static string FirstLine(string text) =>
        text.Split('\n').Select(line => line.Trim()).FirstOrDefault(line => line.Length > 0) ?? "";

    private static Process Start(IReadOnlyList<string> command)
    {
        var start = new ProcessStartInfo(Resolve(command[0]))
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var argument in command.Skip(1))
            start.ArgumentList.Add(argument);
        try
        {
            return Process.Start(start)!;
        }
        catch (Win32Exception error)
        {
            throw new ToolException($"{command[0]}: {error.Message}", error);
        }
    }

    // Why: losetup and mount live in /usr/sbin on some systems, which an ordinary path leaves out.
    private static string Resolve(string name)
    {
        var system = Path.Combine("/usr/sbin", name);
        return !name.Contains('/') && File.Exists(system) ? system : name;
    }
}
