using System.IO.Enumeration;
using System.Text.Json;
using BlockUring.Qmp.Schema;

namespace BlockUring.Qmp.Objects;

/// <summary>Lets clients in by rules: the first that matches decides.</summary>
internal sealed class ListAuthorization(string id, JsonElement options) : UserObject(QomType.AuthzList, id), IAuthorization
{
    private string policy = options.TryGetProperty("policy", out var given) ? given.GetString()! : "deny";
    private JsonElement rules = options.TryGetProperty("rules", out var list) ? list.Clone() : JsonElement.Parse("[]");

    /// <summary>What such objects have.</summary>
    public static QomProperty[] PropertyList { get; } =
    [
        new(
            "policy",
            "QAuthZListPolicy",
            n => QomProperty.Text(((ListAuthorization)n).policy),
            (n, value) => ((ListAuthorization)n).policy = QomProperty.CheckedText("QAuthZListPolicy", "policy", value)),
        new(
            "rules",
            "QAuthZListRule",
            n => ((ListAuthorization)n).rules,
            (n, value) => ((ListAuthorization)n).rules =
                ArgumentChecker.Check(new ArrayType(QapiSchema.Current.Type("QAuthZListRule")), "rules", value)),
    ];

    /// <inheritdoc/>
    public bool Allows(string name)
    {
        foreach (var rule in rules.EnumerateArray())
        {
            if (Matches(rule, name))
                return rule.GetProperty("policy").ValueEquals("allow");
        }

        return policy == "allow";
    }

    // Patterns know * and ? and nothing else; a backslash is one.
    private static bool Matches(JsonElement rule, string name)
    {
        var match = rule.GetProperty("match").GetString()!;
        return rule.TryGetProperty("format", out var format) && format.ValueEquals("glob")
            ? FileSystemName.MatchesSimpleExpression(match.Replace("\\", "\\\\", StringComparison.Ordinal), name, ignoreCase: false)
            : match == name;
    }
}
