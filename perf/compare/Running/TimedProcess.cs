using System.ComponentModel;
using System.Diagnostics;
using System.Runtime.InteropServices;

namespace BlockUring.Compare.Running;

/// <summary>Runs one command and takes wall time, CPU time and peak memory of exactly that process.</summary>
internal static class TimedProcess
{
    // Why a shell in between: ru_maxrss starts at the peak of the process that forked, and that of this harness is far above what
    // qemu-img needs. The shell forks (about 1 MiB), says the child's id and goes; the child becomes ours (we are its subreaper), waits
    // for one line, and only then becomes the command. Starting the shell is therefore outside the measured time.
    private const string Launcher = "exec 3<&0; { read -r go <&3; exec \"$@\" 3<&-; } >/dev/null & echo $!";

    /// <summary>Makes orphaned descendants children of this process; call once, before the first run.</summary>
    public static void BecomeSubreaper()
    {
        if (Libc.Prctl(Libc.SetChildSubreaper, 1, 0, 0, 0) != 0)
            throw new Win32Exception(Marshal.GetLastPInvokeError(), "prctl(PR_SET_CHILD_SUBREAPER)");
    }

    /// <summary>
    /// Runs <paramref name="command"/>; the clock stops after <paramref name="makeDurable"/>, which is called only after success.
    /// Cancelling kills the command.
    /// </summary>
    public static RunSample Run(IReadOnlyList<string> command, Action makeDurable, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        using var launcher = StartLauncher(command);
        var answer = launcher.StandardOutput.ReadLine() ?? throw new InvalidOperationException("the launching shell said nothing");
        var processId = int.Parse(answer);
        launcher.WaitForExit();
        var errorOutput = launcher.StandardError.ReadToEndAsync(CancellationToken.None);

        Libc.ResourceUsage usage;
        int status;
        long start;
        using (cancellation.Register(() => _ = Libc.Kill(processId, Libc.SigKill)))
        {
            start = Stopwatch.GetTimestamp();
            launcher.StandardInput.Write('\n');
            launcher.StandardInput.Flush();
            Reap(processId, out status, out usage);
        }

        cancellation.ThrowIfCancellationRequested();
        var exitCode = (status & 0x7f) == 0 ? (status >> 8) & 0xff : 128 + (status & 0x7f);
        if (exitCode == 0)
            makeDurable();
        var wall = Stopwatch.GetElapsedTime(start).TotalSeconds;
        var cpu = usage.UserSeconds + usage.SystemSeconds + ((usage.UserMicroseconds + usage.SystemMicroseconds) / 1e6);
        return new RunSample(wall, cpu, usage.MaxResidentKiB / 1024.0, exitCode, errorOutput.Result.Trim());
    }

    private static Process StartLauncher(IReadOnlyList<string> command)
    {
        var start = new ProcessStartInfo("/bin/sh")
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var argument in (string[])["-c", Launcher, "sh", .. command])
            start.ArgumentList.Add(argument);
        return Process.Start(start)!;
    }

    private static void Reap(int processId, out int status, out Libc.ResourceUsage usage)
    {
        while (Libc.Wait4(processId, out status, 0, out usage) < 0)
        {
            if (Marshal.GetLastPInvokeError() != Libc.InterruptedErrno)
                throw new Win32Exception(Marshal.GetLastPInvokeError(), "wait4");
        }
    }
}
