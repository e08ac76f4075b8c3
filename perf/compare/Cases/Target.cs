namespace BlockUring.Compare.Cases;

/// <summary>The largest ratio to the opponent's best flags that the project accepts; null where none is set.</summary>
internal sealed record Target(double? Wall, double? Cpu)
{
    public static Target None { get; } = new(null, null);
}
