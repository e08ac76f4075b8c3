using System.Text.Json;
using BlockUring.Qmp.Commands;
using BlockUring.Qmp.Schema;

namespace BlockUring.Qmp.Objects;

/// <summary>A property that all objects of a type have.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Type">Its type, in the words of qom-list.</param>
/// <param name="Get">Its value.</param>
/// <param name="Set">Changes it; null where that cannot be done.</param>
internal sealed record QomProperty(string Name, string Type, Func<QomNode, JsonElement> Get, Action<QomNode, JsonElement>? Set = null)
{
    /// <summary>Text as JSON.</summary>
    public static JsonElement Text(string value) => JsonSerializer.SerializeToElement(value, QmpJson.Default.String);

    /// <summary>A number as JSON.</summary>
    public static JsonElement Number(long value) => JsonSerializer.SerializeToElement(value, QmpJson.Default.Int64);

    /// <summary>A number that was given.</summary>
    /// <exception cref="QmpException">It is none.</exception>
    public static long NumberOf(string name, JsonElement value) =>
        ArgumentChecker.Check(BuiltinType.All["int"], name, value).GetInt64();

    /// <summary>A text that was given.</summary>
    /// <exception cref="QmpException">It is none.</exception>
    public static string TextOf(string name, JsonElement value) => ArgumentChecker.Check(BuiltinType.All["str"], name, value).GetString()!;

    /// <summary>A word of an enumeration that was given.</summary>
    /// <exception cref="QmpException">It is none.</exception>
    public static string CheckedText(string type, string name, JsonElement value) =>
        ArgumentChecker.Check(QapiSchema.Current.Type(type), name, value).GetString()!;
}
