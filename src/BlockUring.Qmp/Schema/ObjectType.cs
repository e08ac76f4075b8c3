namespace BlockUring.Qmp.Schema;

/// <summary>An object with members; with a discriminator, further ones by its value.</summary>
internal sealed class ObjectType(string name) : SchemaType(name)
{
    /// <summary>The object without members.</summary>
    public static ObjectType Empty { get; } = new("Empty");

    /// <summary>The members it always has, those of a base first.</summary>
    public IReadOnlyList<SchemaMember> Members { get; internal set; } = [];

    /// <summary>The member that decides; null in a plain object.</summary>
    public SchemaMember? Discriminator { get; internal set; }

    /// <summary>The further members by the discriminator's value; where there is none for a value, there are none.</summary>
    public IReadOnlyDictionary<string, ObjectType> Variants { get; internal set; } = new Dictionary<string, ObjectType>();
}
