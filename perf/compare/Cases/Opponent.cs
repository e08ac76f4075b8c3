namespace BlockUring.Compare.Cases;

/// <summary>Whom a case is measured against, and with which flags on either side.</summary>
internal sealed record Opponent(string Name, string Title, IReadOnlyList<string> SubjectFlags)
{
    private static readonly string[] _bestFlags = ["-t", "none", "-T", "none", "-W", "-m", "16"];

    public static Opponent Best { get; } = new("best", "qemu-img -t none -T none -W -m 16", _bestFlags);

    public static Opponent Defaults { get; } = new("defaults", "qemu-img, default flags", []);

    public static Opponent Nbdcopy { get; } = new("nbdcopy", "nbdcopy --flush", _bestFlags);

    public static Opponent Daemon { get; } = new("daemon", "qemu-storage-daemon, O_DIRECT, aio=native", ["daemon,", "O_DIRECT"]);

    public static IReadOnlyList<Opponent> All { get; } = [Best, Defaults, Nbdcopy, Daemon];

    /// <summary>Why this opponent sits the case out, or null when it takes part.</summary>
    public string? Refuses(CompareCase compareCase)
    {
        if (this == Daemon != (compareCase.Job != null))
            return "jobs are the daemons', and nothing else is";
        if (this == Nbdcopy && !compareCase.NbdcopyCan)
            return "nbdcopy does not do this job";
        // Why: the cache flags mean nothing to info, and bench has its own, so best and defaults would be the same run twice.
        return this == Defaults && (compareCase.TargetFormat is null || compareCase.Bench != null) ? "one set of flags only" : null;
    }

    /// <summary>The opponent's command line for the case.</summary>
    public IReadOnlyList<string> Command(CompareCase compareCase, SourceImage image, string source, string target)
    {
        if (this == Daemon)
            return DaemonCommand(["qemu-storage-daemon"], compareCase, image, source, target);
        if (this != Nbdcopy)
            return ImageCommand(["qemu-img"], compareCase, image, source, target);
        return image.Format == "raw"
            ? ["nbdcopy", "--flush", source, target]
            : ["nbdcopy", "--flush", "--", "[", "qemu-nbd", "-r", "-f", image.Format, "--cache=none", "--aio=native", source, "]", target];
    }

    /// <summary>The command line of the program under test for the case; it is called by <paramref name="program"/>.</summary>
    public IReadOnlyList<string> SubjectCommand(
        SubjectProgram program, CompareCase compareCase, SourceImage image, string source, string target) =>
        this == Daemon
            ? DaemonCommand(program.Daemon, compareCase, image, source, target)
            : ImageCommand(program.Image, compareCase, image, source, target);

    private static IReadOnlyList<string> DaemonCommand(
        IReadOnlyList<string> daemon, CompareCase compareCase, SourceImage image, string source, string target) => compareCase.Job switch
        {
            "commit" => CommitCommand.Make(daemon, image, source, compareCase.TargetFormat!, target),
            "stream" => StreamCommand.Make(daemon, image, source, target),
            _ => JobCommand.Make(compareCase.Job!, daemon, image, source, compareCase.TargetFormat!, target),
        };

    private IReadOnlyList<string> ImageCommand(
        IReadOnlyList<string> program, CompareCase compareCase, SourceImage image, string source, string target)
    {
        if (compareCase.Bench is { } work)
            return BenchCommand.Make(program, work, image, source, target);
        if (compareCase.TargetFormat is not { } targetFormat)
            return [.. program, "info", source];
        IReadOnlyList<string> images = ["-f", image.Format, "-O", targetFormat, source, target];
        return [.. program, "convert", .. SubjectFlags, .. compareCase.Arguments, .. images];
    }
}
