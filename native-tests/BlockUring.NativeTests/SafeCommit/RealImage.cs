namespace BlockUring.NativeTests.SafeCommit;

/// <summary>One image of a tree.</summary>
internal sealed record RealImage(string Name, string Format, RealImage? Parent, long Length)
{
    /// <summary>Its file, in the folder.</summary>
    public string File => $"{Name}.{Format}";

    /// <summary>A raw copy of what it shows.</summary>
    public string Shown => $"{Name}.shown";

    public override string ToString() => $"{Name} {Format} {Length}" + (Parent == null ? "" : $" over {Parent.Name}");
}
