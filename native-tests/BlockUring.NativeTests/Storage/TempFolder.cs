namespace BlockUring.NativeTests.Storage;

/// <summary>A folder that is removed at the end of a test.</summary>
internal sealed class TempFolder : IDisposable
{
    public TempFolder(string? parent = null)
    {
        Root = Path.Combine(parent ?? Path.GetTempPath(), "blockuring-" + Guid.NewGuid().ToString("N")[..12]);
        Directory.CreateDirectory(Root);
    }

    public string Root { get; }

    public string this[string name] => Path.Combine(Root, name);

    public void Dispose() => Directory.Delete(Root, recursive: true);
}
