using BlockUring.Cli.Output;
using BlockUring.Graph;
using BlockUring.Images;
using BlockUring.Jobs.Commit;

namespace BlockUring.Cli.Img;

/// <summary>What the commands that commit have in common when other images are to be kept as they are.</summary>
internal static class SafeCommitOptions
{
    /// <summary>The help of --safe.</summary>
    public const string SafeHelp = "keep all other images of the tree as they are: overlays of the base get what they lack before it is written";

    /// <summary>The help of --protect.</summary>
    public const string ProtectHelp = "an image over the base that --safe keeps as it is; may be given several times";

    /// <summary>The help of --protect-directory.</summary>
    public const string DirectoryHelp = "where --safe looks for images over the base; may be given several times";

    /// <summary>The help of --dry-run.</summary>
    public const string DryRunHelp = "change nothing, say how much --safe would write to each image";

    /// <summary>What the options mean together; null when nothing is kept.</summary>
    /// <exception cref="CommandFailure">They do not go together.</exception>
    public static OverlayProtection? Parse(bool isSafe, IReadOnlyList<string> names, IReadOnlyList<string> directories, bool isDryRun)
    {
        if (isSafe)
            return new OverlayProtection(names, directories);
        if (names.Count > 0 || directories.Count > 0 || isDryRun)
            throw new CommandFailure($"--{(names.Count > 0 ? "protect" : directories.Count > 0 ? "protect-directory" : "dry-run")} needs --safe");
        return null;
    }

    /// <summary>Works out what a commit would do, and prints it.</summary>
    /// <param name="output">Where.</param>
    /// <param name="graph">The caller holds its change.</param>
    /// <param name="request">The commit.</param>
    /// <param name="isJson">Whether as JSON.</param>
    public static async ValueTask ShowPlanAsync(CommandOutput output, BlockGraph graph, CommitRequest request, bool isJson)
    {
        var plan = await CommitPlan.MakeAsync(graph, request);
        output.Out.Write(isJson ? JsonText.Pretty(ToJson(plan, request)) + "\n" : ToText(plan, request));
    }

    private static string ToText(CommitPlan plan, CommitRequest request) =>
        $"{SizeFormat.Human(plan.Bytes)} would be written to {request.Base.FileName}\n" + string.Concat(plan.Overlays.Select(o =>
            $"{SizeFormat.Human(o.Bytes)} would be copied to {o.FileName} before ({SizeFormat.Human(o.DataBytes)} of data)\n"));

    private static InfoObject ToJson(CommitPlan plan, CommitRequest request)
    {
        var overlays = plan.Overlays.Select(o =>
        {
            var one = new InfoObject();
            one.Add("file", o.FileName);
            one.Add("bytes", o.Bytes);
            one.Add("data-bytes", o.DataBytes);
            return one;
        });
        var all = new InfoObject();
        all.Add("base", request.Base.FileName);
        all.Add("bytes", plan.Bytes);
        all.Add("overlays", overlays.ToArray());
        return all;
    }
}
