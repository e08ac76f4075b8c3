using System.Collections;

namespace BlockUring.Images;

/// <summary>
/// Named facts for `info`: each value is a <see cref="string"/>, <see cref="bool"/>, <see cref="long"/>, <see cref="InfoObject"/> or a list
/// of those. The order of adding is kept; printers sort as they need.
/// </summary>
public sealed class InfoObject : IEnumerable<KeyValuePair<string, object>>
{
    private readonly List<KeyValuePair<string, object>> members = [];

    /// <summary>Adds a text, unless it is null.</summary>
    public void Add(string name, string? value) => AddValue(name, value);

    /// <summary>Adds a truth value, unless it is null.</summary>
    public void Add(string name, bool? value) => AddValue(name, value);

    /// <summary>Adds a number, unless it is null.</summary>
    public void Add(string name, long? value) => AddValue(name, value);

    /// <summary>Adds a nested object, unless it is null.</summary>
    public void Add(string name, InfoObject? value) => AddValue(name, value);

    /// <summary>Adds a list of objects, unless it is null.</summary>
    public void Add(string name, IReadOnlyList<InfoObject>? value) => AddValue(name, value);

    /// <summary>Adds a list of texts, unless it is null.</summary>
    public void Add(string name, IReadOnlyList<string>? value) => AddValue(name, value);

    /// <inheritdoc/>
    public IEnumerator<KeyValuePair<string, object>> GetEnumerator() => members.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => members.GetEnumerator();

    private void AddValue(string name, object? value)
    {
        if (value != null)
            members.Add(new(name, value));
    }
}
