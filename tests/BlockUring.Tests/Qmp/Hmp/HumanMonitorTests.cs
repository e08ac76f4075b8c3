using System.Text;
using BlockUring.Graph;
using BlockUring.Images;
using Xunit;

namespace BlockUring.Tests.Qmp.Hmp;

/// <summary>Lines to the human monitor, and what it says.</summary>
public sealed class HumanMonitorTests : IDisposable
{
    private const string Slow = "driver=null-co,node-name=d,size=1048576,latency-ns=1000000000";

    private readonly MonitorHost host = new();

    [Theory]
    [InlineData("", "")]
    [InlineData("zork", "unknown command: 'zork'\r\n")]
    [InlineData("info zork", "unknown command: 'info zork'\r\n")]
    [InlineData("help block_resize", "block_resize device size -- resize a block image\r\n")]
    [InlineData("block_resize", "block_resize: block device name expected\r\nTry \"help block_resize\" for more information\r\n")]
    [InlineData("block_resize d", "block_resize: size expected\r\nTry \"help block_resize\" for more information\r\n")]
    [InlineData("block_job_pause zork", "Error: Block job 'zork' not found\r\n")]
    [InlineData("info block-jobs", "No active jobs\r\n")]
    [InlineData("qemu-io zork \"length\"", "Error: Cannot find device='zork' nor node-name='zork'\r\n")]
    [InlineData("qemu-io -d d \"length\"", "Error: Device 'd' not found\r\n")]
    [InlineData("qemu-io d length", "1 MiB\r\n")]
    [InlineData("commit zork", "Device 'zork' not found\r\n")]
    [InlineData("commit d", "'commit' error for 'd': Operation not supported\r\n")]
    [InlineData("commit all", "")]
    [InlineData("qemu-io d \"\"", "")]
    [InlineData("info block d", "d: json:{\"driver\": \"null-co\", \"size\": 1048576} (null-co)\r\n    Cache mode:       writeback\r\n")]
    public void A_line_is_answered(string line, string answer)
    {
        Add("driver=null-co,node-name=d,size=1048576");
        Assert.Equal(answer, Ask(line));
    }

    [Fact]
    public void Jobs_obey()
    {
        Add("driver=null-co,node-name=d,size=1073741824");
        Assert.Equal("", Ask("block_null d 1"));
        Assert.Equal("Type null, device d: Completed 1048576 of 1073741824 bytes, speed limit 1048576 bytes/s\r\n", Ask("info block-jobs"));
        Assert.Equal("", Ask("block_job_set_speed d 2M"));
        Assert.Equal("", Ask("block_job_pause d"));
        Assert.Equal("Error: Job is already paused\r\n", Ask("block_job_pause d"));
        Assert.Equal("Error: The block job for device 'd' is currently paused\r\n", Ask("block_job_cancel d"));
        Assert.Equal("", Ask("block_job_cancel -f d"));
        Assert.Equal("No active jobs\r\n", Ask("info block-jobs"));
    }

    [Fact]
    public void Nobody_writes_to_a_disk_that_is_read_only()
    {
        Add("driver=null-co,node-name=d,size=1048576,read-only=on");
        Assert.Equal("Block node is read-only\r\n", Ask("qemu-io d \"write 0 512\""));
        Assert.Equal("", Ask("qemu-io d \"read -q 0 512\""));
        Delete("d");
    }

    [Fact]
    public void Writes_in_flight_are_reported_when_somebody_asks()
    {
        Add(Slow);
        Assert.Equal("", Ask("qemu-io d \"aio_write 0 64k\""));
        Assert.Equal("", Ask("qemu-io d \"aio_read -q 0 64k\""));
        host.Scheduler.Run(TimeSpan.FromSeconds(1));
        Assert.Equal(
            "wrote 65536/65536 bytes at offset 0\r\n64 KiB, 1 ops; 01.00 sec (64 KiB/sec and 1.0000 ops/sec)\r\n", Ask("qemu-io d \"aio_flush\""));
        Assert.Equal("", Ask("qemu-io d aio_flush"));
        Delete("d");
    }

    [Fact]
    public void A_flush_of_requests_waits_for_them()
    {
        Add(Slow);
        Ask("qemu-io d \"aio_write -q 0 64k\"");
        var flush = host.Context.HumanMonitor.RunAsync("qemu-io d aio_flush").AsTask();
        host.Scheduler.Run(TimeSpan.FromMilliseconds(900));
        Assert.False(flush.IsCompleted);
        host.Scheduler.Run(TimeSpan.FromMilliseconds(200));
        Assert.True(flush.IsCompletedSuccessfully);
    }

    [Fact]
    public async Task A_drain_waits_for_writes_and_holds_those_that_come()
    {
        Add(Slow);
        Ask("qemu-io d \"aio_write 0 64k\"");
        var drain = host.Context.Graph.DrainAsync(host.Context.Graph.Find("d")).AsTask();
        host.Scheduler.Run(TimeSpan.FromMilliseconds(900));
        Assert.False(drain.IsCompleted);
        host.Scheduler.Run(TimeSpan.FromMilliseconds(200));
        Assert.True(drain.IsCompletedSuccessfully);

        var write = host.Context.HumanMonitor.RunAsync("qemu-io d \"write -q 0 512\"").AsTask();
        host.Scheduler.Run(TimeSpan.FromSeconds(10));
        Assert.False(write.IsCompleted);
        (await drain).Dispose();
        host.Scheduler.Run(TimeSpan.FromSeconds(2));
        Assert.True(write.IsCompletedSuccessfully);
    }

    [Fact]
    public void Writes_are_seen_by_bitmaps()
    {
        Add("driver=null-co,node-name=d,size=1048576");
        var bitmap = host.Context.Graph.Find("d").Bitmaps.Create("b", 1 << 20, 65536);
        Ask("qemu-io d \"write -q 100k 1\"");
        Ask("qemu-io d \"discard -q 0 1\"");
        Ask("qemu-io d \"write -qz 1023k 1k\"");
        Assert.Equal((65536, 983040, 2 * 65536), (bitmap.NextDirty(0, 1 << 20), bitmap.NextDirty(131072, 1 << 20), bitmap.Count));
    }

    [Fact]
    public void Clients_of_QMP_may_ask_too()
    {
        var client = host.Connect();
        Assert.Equal(
            ["""{"return": "unknown command: 'zork'\r\n"}"""],
            host.Ask(client, """{"execute":"human-monitor-command","arguments":{"command-line":"zork"}}"""));
    }

    [Fact]
    public void People_type_at_a_prompt()
    {
        var chardev = new MemoryChardev("m");
        host.Context.AddChardev(chardev);
        host.Server.AddLineMonitor(chardev);
        var channel = new MemoryChannel();
        chardev.Connect(channel);
        Assert.Equal("QEMU 7.2.22 monitor - type 'help' for more information\r\n(qemu) ", Type(channel, ""));
        Assert.Equal("info block-jobs\r\nNo active jobs\r\n(qemu) ", Type(channel, "info block-jobs\r"));
        Assert.Equal("info block-jobs\r\nNo active jobs\r\n(qemu) ", Type(channel, "\u001b[A\r"));
        host.Context.QuitRequested = () => { };
        Assert.Equal("quit\r\n", Type(channel, "quit\r"));
        Assert.True(host.Context.IsQuitting && channel.IsShutDown);
    }

    public void Dispose() => host.Dispose();

    private string Type(MemoryChannel channel, string keys)
    {
        channel.Write(Encoding.UTF8.GetBytes(keys));
        host.Scheduler.Run();
        return Encoding.UTF8.GetString(channel.Take());
    }

    private string Ask(string line)
    {
        var answer = host.Context.HumanMonitor.RunAsync(line).AsTask();
        host.Scheduler.Run();
        Assert.True(answer.IsCompleted, $"{line} hangs");
        return answer.GetAwaiter().GetResult();
    }

    private void Add(string options) => Do(async () => await GraphOpener.AddAsync(host.Context.Graph, OptionTree.ParseKeyValues(options)));

    private void Delete(string name) => Do(async () => await GraphOpener.DeleteAsync(host.Context.Graph, name));

    private void Do(Func<Task> action)
    {
        var task = action();
        host.Scheduler.Run();
        Assert.True(task.IsCompleted);
        task.GetAwaiter().GetResult();
    }
}
