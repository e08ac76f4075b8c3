using System.Text;
using BlockUring.Cli.Output;
using BlockUring.Images;

namespace BlockUring.Cli.Img;

/// <summary>The result of a check as text for people and as JSON.</summary>
internal static class CheckText
{
    /// <summary>What was repaired, before the second check.</summary>
    public static string Repaired(CheckResult result) =>
        "The following inconsistencies were found and repaired:\n\n" +
        $"    {result.LeaksFixed} leaked clusters\n    {result.CorruptionsFixed} corruptions\n\n" +
        "Double checking the fixed image now...\n";

    /// <summary>Lines for people.</summary>
    public static string Human(CheckResult result)
    {
        var text = new StringBuilder();
        if (result.Corruptions == 0 && result.Leaks == 0 && result.CheckErrors == 0)
            text.Append("No errors were found on the image.\n");
        if (result.Corruptions > 0)
        {
            text.Append($"\n{result.Corruptions} errors were found on the image.\n");
            text.Append("Data may be corrupted, or further writes to the image may corrupt it.\n");
        }

        if (result.Leaks > 0)
            text.Append($"\n{result.Leaks} leaked clusters were found on the image.\nThis means waste of disk space, but no harm to data.\n");
        if (result.CheckErrors > 0)
            text.Append($"\n{result.CheckErrors} internal errors have occurred during the check.\n");
        if (result.TotalClusters > 0 && result.AllocatedClusters > 0)
        {
            text.Append($"{result.AllocatedClusters}/{result.TotalClusters} = {Percent(result.AllocatedClusters, result.TotalClusters)}% allocated, ");
            text.Append($"{Percent(result.FragmentedClusters, result.AllocatedClusters)}% fragmented, ");
            text.Append($"{Percent(result.CompressedClusters, result.AllocatedClusters)}% compressed clusters\n");
        }

        if (result.ImageEndOffset > 0)
            text.Append($"Image end offset: {result.ImageEndOffset}\n");
        return text.ToString();
    }

    /// <summary>One JSON object; counters that are 0 are left out, but for check-errors.</summary>
    public static string Json(CheckResult result, string fileName, string formatName)
    {
        var facts = new InfoObject
        {
            { "filename", fileName },
            { "format", formatName },
            { "check-errors", result.CheckErrors },
            { "image-end-offset", UnlessZero(result.ImageEndOffset) },
            { "corruptions", UnlessZero(result.Corruptions) },
            { "leaks", UnlessZero(result.Leaks) },
            { "corruptions-fixed", UnlessZero(result.CorruptionsFixed) },
            { "leaks-fixed", UnlessZero(result.LeaksFixed) },
            { "total-clusters", UnlessZero(result.TotalClusters) },
            { "allocated-clusters", UnlessZero(result.AllocatedClusters) },
            { "fragmented-clusters", UnlessZero(result.FragmentedClusters) },
            { "compressed-clusters", UnlessZero(result.CompressedClusters) },
        };
        return JsonText.Pretty(facts) + "\n";
    }

    private static string Percent(long part, long whole) => SizeFormat.Fixed(part * 100.0 / whole, 2);

    private static long? UnlessZero(long value) => value == 0 ? null : value;
}
