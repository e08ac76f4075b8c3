using BlockUring.Compare.Running;

namespace BlockUring.Compare.Stages;

/// <summary>A loop device over the first bytes of a file; detached when disposed.</summary>
internal sealed class LoopDevice : IDisposable
{
    private LoopDevice(string path) => Path = path;

    public string Path { get; }

    /// <summary>Attaches a free loop device with direct I/O; <paramref name="bytes"/> is a multiple of 512.</summary>
    public static LoopDevice Attach(string file, long bytes) =>
        new(Tool.Run("losetup", "--find", "--show", "--direct-io=on", "--sizelimit", bytes.ToString(), file).Trim());

    public void Dispose() => Tool.Run("losetup", "--detach", Path);
}
