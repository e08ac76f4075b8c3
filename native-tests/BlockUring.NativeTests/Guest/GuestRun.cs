using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace BlockUring.NativeTests.Guest;

/// <summary>A running guest: what it says on its serial line.</summary>
internal sealed class GuestRun : IDisposable
{
    // For a processor that is emulated, on a host that is busy.
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(4);

    private readonly Process process;
    private readonly StringBuilder said = new();

    /// <summary>Boots it.</summary>
    /// <param name="folder">Where it runs.</param>
    /// <param name="initramfs">Its path.</param>
    /// <param name="drive">QEMU's -drive, without the interface and the identifier.</param>
    public GuestRun(string folder, string initramfs, string drive)
    {
        var start = new ProcessStartInfo("qemu-system-x86_64")
        {
            WorkingDirectory = folder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        };
        foreach (var word in (string[])[
            "-M", "q35", "-m", "256", "-accel", "tcg", "-nodefaults", "-display", "none", "-serial", "stdio", "-no-reboot",
            "-kernel", GuestParts.Kernel, "-initrd", initramfs, "-append", "console=ttyS0 quiet panic=-1",
            "-drive", $"if=none,id=disk,{drive}", "-device", "virtio-blk-pci,drive=disk",
        ])
        {
            start.ArgumentList.Add(word);
        }

        process = Process.Start(start)!;
    }

    /// <summary>Waits until it says that it is ready.</summary>
    public Task ReadyAsync() => HearAsync(line => line.Contains("guest: ready", StringComparison.Ordinal));

    /// <summary>Waits until it has written so many more pairs.</summary>
    public async Task WriteAsync(int more)
    {
        var end = int.MaxValue;
        await HearAsync(line =>
        {
            var at = line.IndexOf("guest: wrote ", StringComparison.Ordinal);
            if (at < 0)
                return false;
            var count = int.Parse(line.AsSpan(at + "guest: wrote ".Length).Trim(), CultureInfo.InvariantCulture);
            if (end == int.MaxValue)
                end = count + more;
            return count >= end;
        });
    }

    /// <summary>Tells it to stop writing, and waits until it has gone.</summary>
    public async Task StopAsync()
    {
        await process.StandardInput.WriteLineAsync("stop");
        await process.StandardInput.FlushAsync();
        await HearAsync(line => line.Contains("guest: done", StringComparison.Ordinal));
        using var patience = new CancellationTokenSource(Patience);
        await process.WaitForExitAsync(patience.Token);
    }

    public void Dispose()
    {
        if (!process.HasExited)
            process.Kill();
        process.WaitForExit();
        process.Dispose();
    }

    private async Task HearAsync(Func<string, bool> isIt)
    {
        using var patience = new CancellationTokenSource(Patience);
        while (await process.StandardOutput.ReadLineAsync(patience.Token) is { } line)
        {
            said.AppendLine(line);
            if (isIt(line))
                return;
        }

        throw new InvalidOperationException($"The guest has ended:\n{said}");
    }
}
