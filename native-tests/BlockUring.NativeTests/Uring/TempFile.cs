namespace BlockUring.NativeTests.Uring;

/// <summary>A path in the temp folder; whatever is there goes away in the end.</summary>
internal sealed class TempFile : IDisposable
{
    public TempFile(int length = 0)
    {
        Path = System.IO.Path.Combine(System.IO.Path.GetTempPath(), $"blockuring-{Guid.NewGuid():N}");
        if (length <= 0)
            return;
        var content = new byte[length];
        new Random(length).NextBytes(content);
        File.WriteAllBytes(Path, content);
        Content = content;
    }

    public string Path { get; }

    public byte[] Content { get; } = [];

    public TestTarget Open() => new(Libc.Open(Path, Libc.ReadWrite | Libc.Create));

    /// <summary>Opens with O_DIRECT, or null where the file system has none.</summary>
    public TestTarget? TryOpenDirect()
    {
        try
        {
            return new TestTarget(Libc.Open(Path, Libc.ReadWrite | Libc.Create | Libc.Direct), 512);
        }
        catch (IOException)
        {
            return null;
        }
    }

    public void Dispose() => File.Delete(Path);
}
