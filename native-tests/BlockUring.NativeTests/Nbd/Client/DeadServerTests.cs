using BlockUring.NativeTests.Daemon;
using Xunit;

namespace BlockUring.NativeTests.Nbd.Client;

/// <summary>Servers that stall or die under a job: the error policy decides, a forced cancel always works, and the daemon stays at work.</summary>
public sealed class DeadServerTests
{
    private const string Start = """
        $ qemu-img create -q -f raw a.raw 8M
        $ qemu-io -f raw -c 'write -P 5 64k 6M' a.raw
        daemon
        blockdev-add {'driver':'raw','node-name':'a','file':{'driver':'file','filename':'a.raw'}}
        """;

    [Theory]
    [InlineData("mirror", 0)]
    [InlineData("mirror", 60)]
    [InlineData("backup", 0)]
    [InlineData("backup", 60)]
    public void A_job_to_a_stalled_server_is_cancelled_by_force(string job, int delay) => Play(async (s, server) =>
    {
        s.Play(Start);
        s.Play(Node(delay));
        await server.SignalAsync("STOP");
        s.Play($"blockdev-{job} {{'job-id':'j','device':'a','target':'n','sync':'full','on-target-error':'stop'}}");
        s.Play("query-block-jobs");
        s.Play("block-job-cancel {'device':'j','force':true}");
        s.Play("wait BLOCK_JOB_CANCELLED");
        s.Play("wait JOB_STATUS_CHANGE null");
        s.Play("blockdev-del {'node-name':'n'}");
        s.Play("blockdev-del {'node-name':'a'}");
        Assert.DoesNotContain("Error", s.Transcript.ToString());
    });

    [Fact]
    public void A_stalled_source_does_not_keep_its_job() => Play(async (s, server) =>
    {
        s.Play(Start);
        s.Play(Node(0));
        await server.SignalAsync("STOP");
        s.Play("blockdev-backup {'job-id':'j','device':'n','target':'a','sync':'full'}");
        s.Play("job-cancel {'id':'j'}");
        s.Play("wait BLOCK_JOB_CANCELLED");
        s.Play("wait JOB_STATUS_CHANGE null");
        Assert.DoesNotContain("Error", s.Transcript.ToString());
    });

    [Theory]
    [InlineData("mirror")]
    [InlineData("backup")]
    public void A_job_goes_on_when_the_server_is_back(string job) => Play(async (s, server) =>
    {
        s.Play(Start);
        s.Play(Node(0));
        server.Kill();
        s.Play($"blockdev-{job} {{'job-id':'j','device':'a','target':'n','sync':'full','on-target-error':'stop'}}");
        s.Play("wait BLOCK_JOB_ERROR");
        s.Play("wait JOB_STATUS_CHANGE paused");
        using var second = await PeerServer.NbdkitAsync(s.Folder, "memory", "8M");

        // The first request finds no connection and makes one; what comes after it is served.
        s.Play("job-resume {'id':'j'}");
        ResumeUntilOver(s, job);
        s.Play("$ qemu-img compare -f raw -F raw a.raw 'nbd+unix:///?socket=nbd.sock'");
        Assert.Contains("Images are identical", s.Transcript.ToString());
    });

    [Theory]
    [InlineData("mirror")]
    [InlineData("backup")]
    public void Requests_wait_for_a_server_that_comes_back_in_time(string job) => Play(async (s, server) =>
    {
        s.Play(Start);
        s.Play(Node(60));
        server.Kill();
        s.Play($"blockdev-{job} {{'job-id':'j','device':'a','target':'n','sync':'full'}}");
        s.Play("query-block-jobs");
        using var second = await PeerServer.NbdkitAsync(s.Folder, "memory", "8M");
        if (job == "mirror")
            s.Play("wait BLOCK_JOB_READY\njob-cancel {'id':'j'}\nwait BLOCK_JOB_CANCELLED");
        else
            s.Play("wait BLOCK_JOB_COMPLETED");
        s.Play("wait JOB_STATUS_CHANGE null");
        s.Play("$ qemu-img compare -f raw -F raw a.raw 'nbd+unix:///?socket=nbd.sock'");
        Assert.Contains("Images are identical", s.Transcript.ToString());
        Assert.DoesNotContain("BLOCK_JOB_ERROR", s.Transcript.ToString());
    });

    [Fact]
    public void A_node_over_a_stalled_server_is_closed() => Play(async (s, server) =>
    {
        s.Play(Start);
        s.Play(Node(60));
        s.Play("$ qemu-img create -q -f qcow2 'nbd+unix:///?socket=nbd.sock' 1M");
        s.Play("blockdev-add {'driver':'qcow2','node-name':'q','file':'n'}");
        await server.SignalAsync("STOP");
        s.Play("blockdev-del {'node-name':'q'}");
        s.Play("blockdev-del {'node-name':'n'}");
        s.Play("quit");
        s.Play("exit");
    });

    private static string Node(int delay) =>
        $"blockdev-add {{'driver':'nbd','node-name':'n','server':{{'type':'unix','path':'nbd.sock'}},'reconnect-delay':{delay}}}";

    private static void ResumeUntilOver(Scenario s, string job)
    {
        while (true)
        {
            var found = s.Run("query-block-jobs").GetProperty("return");
            if (found.GetArrayLength() == 0)
                return;
            var state = found[0];
            if (state.GetProperty("io-status").GetString() != "ok")
                s.Play("job-resume {'id':'j'}");
            else if (job == "mirror" && state.GetProperty("ready").GetBoolean() && state.GetProperty("status").GetString() == "ready")
                s.Play("job-cancel {'id':'j'}\nwait JOB_STATUS_CHANGE null");
        }
    }

    private static void Play(Func<Scenario, PeerServer, Task> play)
    {
        if ((DaemonUnderTest.WhyMissing(Side.Peer) ?? DaemonUnderTest.WhyMissing(Side.Ours)) is { } reason)
            Assert.Skip(reason);
        using var scenario = new Scenario(Side.Ours);
        using var server = PeerServer.NbdkitAsync(scenario.Folder, "memory", "8M").GetAwaiter().GetResult();
        play(scenario, server).GetAwaiter().GetResult();
    }
}
