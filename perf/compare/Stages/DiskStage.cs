using System.Text.Json;
using BlockUring.Compare.Cases;
using BlockUring.Compare.Running;

namespace BlockUring.Compare.Stages;

/// <summary>Files in a folder: the source out of the page cache, the target absent before each run.</summary>
internal sealed class DiskStage(string directory) : Stage
{
    private readonly string _target = Path.Combine(directory, "target");
    private string? _source;

    public override string Name => "disk";

    public override string Description =>
        "files; before each run the source is evicted from the page cache, the target is deleted and the file system is synced";

    public override Target TargetOf(CompareCase compareCase) => compareCase.DiskTarget;

    public override string PlaceSource(SourceImage source) => _source = source.Path;

    public override string PlaceTarget(string format, long guestBytes) => _target;

    public override void BeforeRun()
    {
        File.Delete(_target);
        using var file = File.OpenHandle(_source!, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        _ = Libc.SyncFileSystem(file);
        _ = Libc.FileAdvise(file, 0, 0, Libc.DontNeed);
    }

    public override void SpoilTarget() => File.Delete(_target);

    public override void MakeTargetDurable() => Flush(_target);

    public override long? AllocatedTargetBytes()
    {
        using var info = JsonDocument.Parse(Tool.Run("qemu-img", "info", "--output=json", "-f", "raw", _target));
        return info.RootElement.GetProperty("actual-size").GetInt64();
    }

    public override void Dispose() => File.Delete(_target);
}
