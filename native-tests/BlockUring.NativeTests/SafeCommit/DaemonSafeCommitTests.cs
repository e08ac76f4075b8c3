using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using BlockUring.NativeTests.Daemon;
using Xunit;

namespace BlockUring.NativeTests.SafeCommit;

/// <summary>Safe commits by our daemon, in trees of real images that qemu-img makes and judges.</summary>
public sealed class DaemonSafeCommitTests(ITestOutputHelper output)
{
    [Fact]
    public Task A_safe_commit_changes_what_no_image_but_the_base_shows() => ForSeedsAsync(1, 8, seed => CommitAsync(seed, kills: false));

    [Fact]
    public Task A_daemon_that_is_killed_in_the_middle_leaves_every_image_as_it_was() =>
        ForSeedsAsync(10_001, 4, seed => CommitAsync(seed, kills: true));

    [Fact]
    public void An_overlay_that_another_process_writes_is_refused_by_name_and_nothing_changes()
    {
        if ((DaemonUnderTest.WhyMissing(Side.Ours) ?? DaemonUnderTest.WhyMissing(Side.Peer)) is { } reason)
            Assert.Skip(reason);
        using var scenario = new Scenario(Side.Ours);
        const string Fork = """{"driver":"qcow2","node-name":"n","backing":null,"file":{"driver":"file","filename":"fork.qcow2"}}""";
        scenario.Play($"""
            $ qemu-img create -q -f qcow2 base.qcow2 4M && qemu-io -c 'write -q -P 1 0 3M' base.qcow2
            $ qemu-img create -q -f qcow2 -b base.qcow2 -F qcow2 top.qcow2 && qemu-io -c 'write -q -P 2 1M 1M' top.qcow2
            $ qemu-img create -q -f qcow2 -b base.qcow2 -F qcow2 fork.qcow2
            $ qemu-img convert -O raw base.qcow2 before.raw
            $ qemu-storage-daemon --daemonize --pidfile owner.pid --blockdev '{Fork}'
            """);
        using var owner = Process.GetProcessById(int.Parse(File.ReadAllText(Path.Combine(scenario.Folder, "owner.pid")), CultureInfo.InvariantCulture));
        try
        {
            scenario.Play("daemon --blockdev qcow2,node-name=top,file.driver=file,file.filename=top.qcow2");
            var refusal = scenario.Run("block-commit", "{'job-id':'j','device':'top','safe':true,'protect':['fork.qcow2']}").ToString();
            Assert.True(refusal.Contains("fork.qcow2", StringComparison.Ordinal), refusal);
            Assert.Contains("lock", refusal, StringComparison.Ordinal);
        }
        finally
        {
            owner.Kill();
            owner.WaitForExit();
        }

        scenario.Play("quit\nexit\n$ qemu-img compare -F raw base.qcow2 before.raw");
        Assert.Contains("Images are identical.", scenario.Transcript.ToString(), StringComparison.Ordinal);
    }

    private static async Task CommitAsync(int seed, bool kills)
    {
        var random = new Random(seed);
        using var scenario = new Scenario(Side.Ours);
        var tree = new RealTree(scenario.Folder, random);
        await tree.GrowAsync();
        await tree.NoteAsync();
        var index = random.Next(1, tree.Trunk.Count);
        var (top, below) = (tree.Trunk[index], tree.Trunk[random.Next(index)]);
        var isActive = index == tree.Trunk.Count - 1;
        var open = tree.All.Where(i => tree.Trunk.Contains(i) || random.Next(2) == 0).ToList();
        open.RemoveAll(i => i.Parent != null && !open.Contains(i.Parent));
        var written = open.Where(tree.IsLeaf).ToList();
        var options = open.Select(i => $"--blockdev driver={i.Format},node-name={i.Name},discard=unmap"
            + $",read-only={(written.Contains(i) ? "off" : "on")}"
            + $",file.driver=file,file.discard=unmap,file.filename={i.File}" + (i.Parent == null ? "" : $",backing={i.Parent.Name}"));
        scenario.Play("daemon " + string.Join(' ', options));
        var names = $"'device':'{tree.Trunk[^1].Name}','top-node':'{top.Name}','base-node':'{below.Name}','protect-directories':['.']";
        DemandReturn(scenario.Run("query-commit-plan", $"{{{names}}}"), scenario);
        var speed = kills ? $",'speed':{random.Next(100_000, 2_000_000)}" : "";
        DemandReturn(scenario.Run("block-commit", $"{{'job-id':'j','safe':true,{names}{speed}}}"), scenario);
        foreach (var image in written.Where(_ => random.Next(2) == 0))
        {
            await tree.WriteAsync(image, command => Io(scenario, image, command));
            Io(scenario, image, "flush");
        }

        if (kills)
        {
            await Task.Delay(random.Next(300), TestContext.Current.CancellationToken);
            using (var daemon = Process.GetProcessById(scenario.Peer.Id))
            {
                daemon.Kill();
                await daemon.WaitForExitAsync(TestContext.Current.CancellationToken);
            }

            await tree.JudgeAsync(below, mayLeak: true);
            return;
        }

        Finish(scenario, isActive);
        await tree.JudgeAsync(below, mayLeak: false);
        if (below.Length <= top.Length)
            await tree.CompareAsync(below, top);
    }

    private static void Finish(Scenario scenario, bool isActive)
    {
        if (isActive)
        {
            Await(scenario, "\"status\":\"ready\"", "wait BLOCK_JOB_READY j");
            scenario.Play("job-complete {'id':'j'}");
        }

        Await(scenario, "\"status\":\"null\"", "wait JOB_STATUS_CHANGE j null");
        scenario.Play("quit\nexit");
        var story = scenario.Transcript.ToString();
        Assert.True(!story.Contains("\"error\"", StringComparison.Ordinal), story);
        Assert.Contains("exit code 0", story, StringComparison.Ordinal);
    }

    // It may have come while the guests wrote.
    private static void Await(Scenario scenario, string words, string line)
    {
        if (!scenario.Transcript.ToString().Contains(words, StringComparison.Ordinal))
            scenario.Play(line);
    }

    private static void Io(Scenario scenario, RealImage image, string command)
    {
        var reply = scenario.Run("human-monitor-command", $"{{'command-line':'qemu-io {image.Name} \\\"{command}\\\"'}}");
        DemandReturn(reply, scenario);
        Assert.DoesNotContain("failed", reply.ToString(), StringComparison.OrdinalIgnoreCase);
    }

    private static void DemandReturn(JsonElement reply, Scenario scenario) =>
        Assert.True(reply.TryGetProperty("return", out _), $"{reply}\n{scenario.Transcript}");

    // BLOCKURING_SEED runs one seed alone; BLOCKURING_SEEDS asks for more of them.
    private async Task ForSeedsAsync(int first, int count, Func<int, Task> run)
    {
        if (DaemonUnderTest.WhyMissing(Side.Ours) is { } reason)
            Assert.Skip(reason);
        if (Environment.GetEnvironmentVariable("BLOCKURING_SEED") is { } single)
            (first, count) = (int.Parse(single, CultureInfo.InvariantCulture), 1);
        else if (Environment.GetEnvironmentVariable("BLOCKURING_SEEDS") is { } wanted)
            count = int.Parse(wanted, CultureInfo.InvariantCulture);
        output.WriteLine($"seeds {first} to {first + count - 1}");
        foreach (var seed in Enumerable.Range(first, count))
        {
            try
            {
                await run(seed);
            }
            catch (Exception e) when (e is not OperationCanceledException && e.GetType().Name != "SkipException")
            {
                Assert.Fail($"seed {seed}\n{e}");
            }
        }
    }
}
