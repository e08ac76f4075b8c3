namespace BlockUring.Qmp.Schema;

/// <summary>One of some words.</summary>
internal sealed class EnumType(string name, IReadOnlyList<EnumValue> values) : SchemaType(name)
{
    /// <summary>The words, in their order.</summary>
    public IReadOnlyList<EnumValue> Values => values;

    /// <summary>Whether <paramref name="word"/> is one of them.</summary>
    public bool Accepts(string word)
    {
        foreach (var value in values)
        {
            if (value.Name == word)
                return true;
        }

        return false;
    }
}
