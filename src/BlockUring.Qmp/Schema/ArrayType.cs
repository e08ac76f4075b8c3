namespace BlockUring.Qmp.Schema;

/// <summary>Any number of values of one type.</summary>
internal sealed class ArrayType(SchemaType element) : SchemaType($"[{element.Name}]")
{
    /// <summary>The type of each.</summary>
    public SchemaType Element => element;
}
