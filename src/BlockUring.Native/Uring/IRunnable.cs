namespace BlockUring.Native.Uring;

/// <summary>Something that an <see cref="IoThread"/> runs when its turn comes.</summary>
internal interface IRunnable
{
    void Run();
}
