using BlockUring.Cli.Img;
using BlockUring.Cli.Output;

namespace BlockUring.Cli.Demo;

/// <summary>
/// The last part of the demonstration: a chain of snapshots, made and worked on by a daemon while a guest writes. A stream takes one out, a commit
/// another; a safe commit moves everything into the base, and yet every snapshot still shows what it did; a mirror moves the disk to another image.
/// </summary>
internal sealed class DemoChain
{
    /// <summary>The image at the bottom, which shows the source at first.</summary>
    public const string BaseName = "base.qcow2";

    /// <summary>How many images are looked at in the end.</summary>
    public const int ResultCount = 6;

    private const int WriteLength = 64 << 10;

    private readonly CommandOutput output;
    private readonly string work;
    private readonly long imageBytes;
    private readonly List<(long Offset, byte Pattern)> writes = [];
    private readonly Dictionary<string, int> shown = new(StringComparer.Ordinal);

    /// <summary>Sets it up.</summary>
    /// <param name="output">Says what is sent.</param>
    /// <param name="work">The folder of the images.</param>
    /// <param name="imageBytes">Size of the disk.</param>
    public DemoChain(CommandOutput output, string work, long imageBytes)
    {
        this.output = output;
        this.work = work;
        this.imageBytes = imageBytes;
    }

    /// <summary>Runs it.</summary>
    /// <param name="report">Told the title and the time of each job.</param>
    public void Run(Action<string, TimeSpan> report)
    {
        using var jobs = new DemoJobs(output, work);
        jobs.AddNode("base", "qcow2", BaseName);
        var top = "base";
        foreach (var overlay in (string[])["snap1", "snap2", "snap3", "active"])
        {
            jobs.AddSnapshot(top, overlay, $"{overlay}.qcow2");
            top = overlay;
            WriteSome(jobs, overlay);
            shown[overlay] = writes.Count;
        }

        report(
            "stream snap1 out of a chain",
            jobs.RunJob("block-stream", """{"job-id":"s","device":"snap2","base-node":"base"}""", 1, () => WriteSome(jobs, "active")));
        report(
            "commit snap3 into snap2",
            jobs.RunJob("block-commit", """{"job-id":"c","device":"active","top-node":"snap3","base-node":"snap2"}""", 1, () => WriteSome(jobs, "active")));
        shown["snap2"] = shown["snap3"];

        // The first snapshot is not open any more: it is found in the folder, as an overlay of the base.
        var folder = System.Text.Json.JsonEncodedText.Encode(work);
        jobs.Ask("query-commit-plan", $$"""{"device":"active","base-node":"base","protect-directories":["{{folder}}"]}""");
        report(
            "safe commit: disk into base",
            jobs.RunJob(
                "block-commit",
                $$"""{"job-id":"c","device":"active","base-node":"base","safe":true,"protect-directories":["{{folder}}"],"filter-node-name":"top"}""",
                1,
                () => WriteSome(jobs, "top")));
        shown["base"] = writes.Count;

        using (var target = File.OpenHandle(Path.Combine(work, "mirror.raw"), FileMode.CreateNew, FileAccess.Write))
            RandomAccess.SetLength(target, imageBytes);
        jobs.AddNode("mirror", "raw", "mirror.raw");
        report(
            "mirror to another image",
            jobs.RunJob(
                "blockdev-mirror",
                """{"job-id":"m","device":"active","target":"mirror","sync":"full","filter-node-name":"top"}""",
                1,
                () => WriteSome(jobs, "top")));
        shown["active"] = shown["mirror"] = writes.Count;
        if (jobs.Quit() != 0)
            throw new CommandFailure("the daemon failed");
    }

    /// <summary>The images, and what each is to be compared with, which is brought up to it in between: to be looked at one after the other.</summary>
    /// <param name="source">Gets what the guest has written.</param>
    public IEnumerable<(string Title, DemoStep Step)> Results(string source)
    {
        using var file = File.OpenHandle(source, FileMode.Open, FileAccess.Write);
        var block = new byte[WriteLength];
        var done = 0;
        foreach (var (name, count) in shown.OrderBy(s => s.Value))
        {
            for (; done < count; done++)
            {
                block.AsSpan().Fill(writes[done].Pattern);
                RandomAccess.Write(file, block, writes[done].Offset);
            }

            var format = name == "mirror" ? "raw" : "qcow2";
            yield return ($"{name} shows what it should", new DemoStep(name, Path.GetFileName(source), "raw", $"{name}.{format}", format));
        }
    }

    private void WriteSome(DemoJobs jobs, string node)
    {
        for (var i = 0; i < 8; i++)
        {
            var (offset, pattern) = ((writes.Count * 7 % 61) * (imageBytes / 61) & -512L, (byte)(1 + writes.Count));
            writes.Add((offset, pattern));
            jobs.Write(node, pattern, offset, WriteLength);
        }
    }
}
