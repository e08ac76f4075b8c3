using System.Diagnostics;
using BlockUring.NativeTests.Storage;
using Xunit;

namespace BlockUring.NativeTests.Qmp;

/// <summary>A qemu-storage-daemon with a monitor.</summary>
internal sealed class QmpPeer : IDisposable
{
    private readonly TempFolder folder = new();
    private readonly Process process;

    public QmpPeer(string monitorOptions = "")
    {
        Tool.Demand("qemu-storage-daemon");
        Path = folder["peer.sock"];
        process = Tool.Start("qemu-storage-daemon", "--chardev", $"socket,path={Path},server=on,wait=off,id=c0", "--monitor", "c0" + monitorOptions);
        var start = Stopwatch.StartNew();
        while (!File.Exists(Path))
        {
            Assert.True(start.Elapsed < TimeSpan.FromSeconds(60) && !process.HasExited, "qemu-storage-daemon does not start");
            Thread.Sleep(5);
        }
    }

    public string Path { get; }

    public void Dispose()
    {
        process.Kill();
        process.WaitForExit();
        process.Dispose();
        folder.Dispose();
    }
}
