using System.Text.Json;

namespace BlockUring.NativeTests.Qmp;

/// <summary>
/// Compares two descriptions by structure, since their numbers differ. Words and variants that the other side has more of are no
/// difference: they stand for drivers and the like that are not here.
/// </summary>
internal sealed class SchemaComparison(SchemaView ours, SchemaView theirs, List<string> differences)
{
    private readonly HashSet<(string, string)> seen = [];

    public void Entities(string where, JsonElement own, JsonElement other)
    {
        Same(where, "features", SchemaView.Features(own), SchemaView.Features(other));
        Same(where, "allow-oob", own.TryGetProperty("allow-oob", out _), other.TryGetProperty("allow-oob", out _));
        Types(where, SchemaView.Text(own, "arg-type"), SchemaView.Text(other, "arg-type"));
        if (own.TryGetProperty("ret-type", out var result))
            Types(where + " returns", result.GetString()!, SchemaView.Text(other, "ret-type"));
    }

    private void Types(string where, string ownName, string otherName)
    {
        if (!seen.Add((ownName, otherName)))
            return;
        var (own, other) = (ours.Types[ownName], theirs.Types[otherName]);
        var kind = SchemaView.Text(own, "meta-type");
        Same(where, "meta-type", kind, SchemaView.Text(other, "meta-type"));
        Same(where, "features", SchemaView.Features(own), SchemaView.Features(other));
        if (kind != SchemaView.Text(other, "meta-type"))
            return;
        switch (kind)
        {
            case "builtin":
                Same(where, "type", own.GetRawText(), other.GetRawText().Replace(" ", "", StringComparison.Ordinal), ByMembers);
                break;
            case "array":
                Types(where + "[]", SchemaView.Text(own, "element-type"), SchemaView.Text(other, "element-type"));
                break;
            case "enum":
                Words(where, own, other);
                break;
            case "alternate":
                Alternates(where, own, other);
                break;
            case "object":
                Objects(where, own, other);
                break;
        }
    }

    private void Words(string where, JsonElement own, JsonElement other)
    {
        var others = SchemaView.Items(other, "members").ToDictionary(m => SchemaView.Text(m, "name"));
        foreach (var word in SchemaView.Items(own, "members"))
        {
            var name = SchemaView.Text(word, "name");
            if (others.TryGetValue(name, out var counterpart))
                Same($"{where} {name}", "features", SchemaView.Features(word), SchemaView.Features(counterpart));
            else
                differences.Add($"+ {where} enum value {name}");
        }
    }

    private void Alternates(string where, JsonElement own, JsonElement other)
    {
        var (mine, yours) = (SchemaView.Items(own, "members"), SchemaView.Items(other, "members"));
        Same(where, "branches", mine.Count, yours.Count);
        foreach (var branch in mine)
        {
            var name = SchemaView.Text(branch, "type");
            var kind = SchemaView.Text(ours.Types[name], "meta-type");
            var counterparts = yours.Where(b => SchemaView.Text(theirs.Types[SchemaView.Text(b, "type")], "meta-type") == kind);
            var counterpart = kind == "builtin" ? counterparts.FirstOrDefault(b => SchemaView.Text(b, "type") == name) : counterparts.FirstOrDefault();
            if (counterpart.ValueKind == JsonValueKind.Undefined)
                differences.Add($"+ {where} branch {name}");
            else
                Types(where, name, SchemaView.Text(counterpart, "type"));
        }
    }

    private void Objects(string where, JsonElement own, JsonElement other)
    {
        var others = SchemaView.Items(other, "members").ToDictionary(m => SchemaView.Text(m, "name"));
        foreach (var member in SchemaView.Items(own, "members"))
        {
            var path = $"{where}.{SchemaView.Text(member, "name")}";
            if (!others.Remove(SchemaView.Text(member, "name"), out var counterpart))
            {
                differences.Add($"+ {path}");
                continue;
            }

            Same(path, "optional", member.TryGetProperty("default", out _), counterpart.TryGetProperty("default", out _));
            Same(path, "features", SchemaView.Features(member), SchemaView.Features(counterpart));
            Types(path, SchemaView.Text(member, "type"), SchemaView.Text(counterpart, "type"));
        }

        differences.AddRange(others.Keys.Select(k => $"- {where}.{k}"));
        Variants(where, own, other);
    }

    private void Variants(string where, JsonElement own, JsonElement other)
    {
        Same(where, "tag", own.TryGetProperty("tag", out var tag) ? tag.GetString() : null, other.TryGetProperty("tag", out var otherTag) ? otherTag.GetString() : null);
        var others = SchemaView.Items(other, "variants").ToDictionary(v => SchemaView.Text(v, "case"), v => SchemaView.Text(v, "type"));
        foreach (var variant in SchemaView.Items(own, "variants"))
        {
            var name = SchemaView.Text(variant, "case");
            if (others.TryGetValue(name, out var counterpart))
                Types($"{where}({name})", SchemaView.Text(variant, "type"), counterpart);
            else
                differences.Add($"+ {where} variant {name}");
        }
    }

    private static bool ByMembers(string own, string other) =>
        own.Trim('{', '}').Split(',').Order().SequenceEqual(other.Trim('{', '}').Split(',').Order());

    private void Same<T>(string where, string what, T own, T other, Func<T, T, bool>? areSame = null)
    {
        if (!(areSame?.Invoke(own, other) ?? Equals(own, other)))
            differences.Add($"! {where}: {what} is {own}, the peer's is {other}");
    }
}
