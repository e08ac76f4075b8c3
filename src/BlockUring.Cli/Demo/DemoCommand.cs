using System.ComponentModel;
using System.Diagnostics;
using BlockUring.Cli.Img;
using BlockUring.Cli.Output;
using Spectre.Console;

namespace BlockUring.Cli.Demo;

/// <summary>
/// `blockuring demo`: makes a disk image with real files in it, converts it through the matrix of formats, reads it and
/// backs it up twice at once by a daemon over QMP, streams, commits and mirrors a chain of snapshots there, compares every result byte by byte,
/// and prints the rates.
/// </summary>
internal sealed class DemoCommand
{
    /// <summary>The smallest image that a file system with something in it fits into.</summary>
    public const long MinImageBytes = 16 << 20;

    private const string SourceName = "source.raw";

    private static readonly DemoStep[] Steps =
    [
        new("raw to raw", SourceName, "raw", "copy.raw", "raw"),
        new("raw to qcow2", SourceName, "raw", "plain.qcow2", "qcow2"),
        new("qcow2 to raw", "plain.qcow2", "qcow2", "plain.raw", "raw"),
        new("qcow2 to qcow2, subclusters", "plain.qcow2", "qcow2", "sub.qcow2", "qcow2", "-o", "extended_l2=on,cluster_size=128k"),
        new("raw to qcow2, zlib", SourceName, "raw", "zlib.qcow2", "qcow2", "-c"),
        new("zlib to raw", "zlib.qcow2", "qcow2", "zlib.raw", "raw"),
        new("raw to qcow2, zstd", SourceName, "raw", "zstd.qcow2", "qcow2", "-c", "-o", "compression_type=zstd"),
        new("zstd to raw", "zstd.qcow2", "qcow2", "zstd.raw", "raw"),
        new("overlay on zstd to qcow2", "overlay.qcow2", "qcow2", "flat.qcow2", "qcow2"),
    ];

    // Two backups of one disk at one instant, side by side; the arguments of each.
    private static readonly DemoStep[] JobTargets =
    [
        new("backup to raw, while written", "overlay.qcow2", "qcow2", "backup1.raw", "raw",
            """{"job-id":"b1","device":"disk","target":"backup1","sync":"full"}"""),
        new("and to qcow2, zlib, beside", "overlay.qcow2", "qcow2", "backup2.qcow2", "qcow2",
            """{"job-id":"b2","device":"disk","target":"backup2","sync":"full","compress":true}"""),
    ];

    private readonly CommandOutput output;
    private readonly string folder;
    private readonly long imageBytes;

    /// <summary>Sets the demonstration up.</summary>
    /// <param name="output">The standard streams.</param>
    /// <param name="folder">Where the images go; they are removed at the end.</param>
    /// <param name="imageBytes">Size of the source image.</param>
    public DemoCommand(CommandOutput output, string folder, long imageBytes)
    {
        this.output = output;
        this.folder = folder;
        this.imageBytes = imageBytes;
    }

    /// <summary>Runs it.</summary>
    /// <returns>0 when every result is what it should be.</returns>
    public int Run()
    {
        var work = Directory.CreateDirectory(Path.Combine(folder, $"blockuring-demo-{Environment.ProcessId}"));
        try
        {
            return RunIn(work.FullName);
        }
        finally
        {
            work.Delete(recursive: true);
        }
    }

    private int RunIn(string work)
    {
        Say($"Making {SizeFormat.Human(imageBytes)} of disk in {work} …");
        var content = new DemoContent(Path.Combine(work, SourceName), imageBytes);
        content.Make();
        Say($"The source is {content.Description}.\n");

        var table = new Table().AddColumns("conversion", "time", "guest rate", "file on disk", "compared");
        table.Columns[1].RightAligned();
        table.Columns[2].RightAligned();
        table.Columns[3].RightAligned();
        var failures = 0;
        foreach (var step in Steps)
        {
            if (step.Source == "overlay.qcow2")
                Img("create", "-q", "-f", "qcow2", "-b", "zstd.qcow2", "-F", "qcow2", Path.Combine(work, step.Source));
            Say(step.Title);
            var start = TimeProvider.System.GetTimestamp();
            var exitCode = Img(["convert", "-p", "-f", step.SourceFormat, "-O", step.TargetFormat, .. step.Options, Path.Combine(work, step.Source), Path.Combine(work, step.Target)]);
            var elapsed = TimeProvider.System.GetElapsedTime(start);
            var verdict = exitCode == 0 ? Compare(work, step) : "failed";
            failures += verdict.StartsWith("identical", StringComparison.Ordinal) ? 0 : 1;
            table.AddRow(step.Title, $"{elapsed.TotalSeconds:f2} s", Rate(elapsed), OnDisk(work, step), verdict);
        }

        Say("");
        failures += RunJobs(work, table);
        Say("");
        var chain = new DemoChain(output, work, imageBytes);
        Img("convert", "-f", "raw", "-O", "qcow2", Path.Combine(work, SourceName), Path.Combine(work, DemoChain.BaseName));
        chain.Run((title, elapsed) => table.AddRow(title, $"{elapsed.TotalSeconds:f2} s", "-", "-", "-"));
        foreach (var (title, step) in chain.Results(Path.Combine(work, SourceName)))
        {
            var verdict = Compare(work, step);
            failures += verdict.StartsWith("identical", StringComparison.Ordinal) ? 0 : 1;
            table.AddRow(title, "-", "-", OnDisk(work, step), verdict);
        }

        Say("");
        Print(table);
        var count = Steps.Length + JobTargets.Length + DemoChain.ResultCount;
        Say(failures == 0
            ? $"All {count} results are identical to what was written."
            : $"{failures} of {count} results are NOT identical to what was written.");
        return failures == 0 ? 0 : 1;
    }

    // The overlay shows what the source holds. It is written to while it is backed up; the backups hold what it was.
    private int RunJobs(string work, Table table)
    {
        using var jobs = new DemoJobs(output, work);
        jobs.AddNode("disk", "qcow2", "overlay.qcow2");
        jobs.AddGuest("guest", "disk");
        var elapsed = jobs.RunJob("block-null", """{"device":"disk"}""");
        table.AddRow("block-null: reads all of it", $"{elapsed.TotalSeconds:f2} s", Rate(elapsed), "-", "-");
        foreach (var target in JobTargets)
        {
            Img("create", "-q", "-f", target.TargetFormat, Path.Combine(work, target.Target), $"{imageBytes}");
            jobs.AddNode(target.Target[..target.Target.IndexOf('.')], target.TargetFormat, target.Target);
        }

        var actions = string.Join(',', JobTargets.Select(t => $$"""{"type":"blockdev-backup","data":{{t.Options[0]}}}"""));
        elapsed = jobs.RunJob("transaction", $$"""{"actions":[{{actions}}]}""", JobTargets.Length, Overwrite);
        if (jobs.Quit() != 0)
            throw new CommandFailure("the daemon failed");
        var failures = 0;
        foreach (var target in JobTargets)
        {
            var verdict = Compare(work, target);
            failures += verdict.StartsWith("identical", StringComparison.Ordinal) ? 0 : 1;
            table.AddRow(target.Title, $"{elapsed.TotalSeconds:f2} s", Rate(elapsed), OnDisk(work, target), verdict);
        }

        return failures;

        void Overwrite()
        {
            for (var offset = 0L; offset < imageBytes; offset += imageBytes / 16)
                jobs.Write("guest", 0xdb, offset, 64 << 10);
        }
    }

    // By our own compare, and by qemu-img where it is installed: a peer that we did not write.
    private string Compare(string work, DemoStep step)
    {
        string[] arguments = ["compare", "-q", "-f", "raw", "-F", step.TargetFormat, Path.Combine(work, SourceName), Path.Combine(work, step.Target)];
        if (Img(arguments) != 0)
            return "DIFFERENT";
        try
        {
            using var peer = Process.Start(new ProcessStartInfo("qemu-img", arguments))!;
            peer.WaitForExit();
            return peer.ExitCode == 0 ? "identical (and by qemu-img)" : "DIFFERENT for qemu-img";
        }
        catch (Win32Exception)
        {
            return "identical";
        }
    }

    private int Img(params string[] arguments) =>
        ImgProgram.Run(new ImgContext(output, Launcher.ProgramName, $"{Launcher.ProgramName} img"), arguments);

    private string Rate(TimeSpan elapsed) => $"{imageBytes / elapsed.TotalSeconds / (1 << 20):f0} MiB/s";

    private static string OnDisk(string work, DemoStep step)
    {
        var target = new FileInfo(Path.Combine(work, step.Target));
        return target.Exists ? SizeFormat.Human(Session.Run(_ => { }, async host =>
        {
            await using var file = await host.OpenAsync(target.FullName, new Storage.FileOpenOptions());
            return file.AllocatedBytes;
        })) : "-";
    }

    private void Say(string line)
    {
        output.Out.Write(line + "\n");
        output.Out.Flush();
    }

    private void Print(Table table)
    {
        var console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(output.Out) });
        console.Profile.Width = Math.Max(console.Profile.Width, 100);
        console.Write(table);
    }
}
