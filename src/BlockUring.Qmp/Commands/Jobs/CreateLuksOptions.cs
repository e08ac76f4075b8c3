using System.Text.Json;
using BlockUring.Images;

namespace BlockUring.Qmp.Commands.Jobs;

/// <summary>What a new LUKS image is to be ("BlockdevCreateOptionsLUKS"); what else is given are the format's own options.</summary>
internal sealed record CreateLuksOptions(JsonElement File, ulong Size, string? Preallocation = null)
{
    private static readonly string[] OwnNames = ["driver", "file", "size"];

    /// <summary>Those that say what the image is like, as the format has them.</summary>
    public static Dictionary<string, string> ToCreateOptions(JsonElement given)
    {
        var options = new Dictionary<string, string>();
        foreach (var (name, value) in OptionTree.Of(given).Values)
        {
            if (!OwnNames.Contains(name) && !name.StartsWith("file.", StringComparison.Ordinal))
                options.Add(name, value);
        }

        return options;
    }
}
