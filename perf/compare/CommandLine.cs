using System.CommandLine;

namespace BlockUring.Compare;

/// <summary>The options of <c>blockuring-compare</c>.</summary>
internal sealed class CommandLine
{
    private static readonly string[] _stageNames = ["disk", "ram", "zram"];
    private static readonly string[] _opponentNames = ["best", "defaults", "nbdcopy", "daemon"];
    private readonly Option<string?> _binary = new("--binary")
    {
        Description = "The blockuring executable, called as BINARY img convert …",
    };
    private readonly Option<bool> _selfCheck = new("--self-check")
    {
        Description = "Time qemu-img against itself and print the noise floor",
    };
    private readonly Option<string> _directory = new("--dir")
    {
        Description = "Folder on the disk under test",
        DefaultValueFactory = _ => "/var/tmp",
    };
    private readonly Option<string?> _size = new("--size") { Description = "Guest size of plain copies (default 2G; 256M with --quick)" };
    private readonly Option<string?> _compressedSize = new("--compressed-size")
    {
        Description = "Guest size of the compressed cases (default 512M; 64M with --quick)",
    };
    private readonly Option<int?> _pairs = new("--pairs") { Description = "Interleaved pairs a comparison (default 5; 2 with --quick)" };
    private readonly Option<string[]> _cases = Words("--case", "Only cases whose name contains one of these words");
    private readonly Option<string[]> _stages = Words("--on", "disk, ram, zram (default: all)");
    private readonly Option<string[]> _opponents = Words("--against", "best, defaults, nbdcopy, daemon (default: all; best and daemon with --quick)");
    private readonly Option<ulong> _seed = new("--seed")
    {
        Description = "Seed of the source content",
        DefaultValueFactory = _ => 20_240_229,
    };
    private readonly Option<bool> _quick = new("--quick") { Description = "Small sizes, two pairs, best flags only" };
    private readonly Option<string?> _json = new("--json") { Description = "Write the report to this file as JSON" };
    private readonly Option<string?> _html = new("--html") { Description = "Write the report to this file as a self-contained HTML page" };

    /// <summary>The command; <paramref name="run"/> gets the options and returns the exit code.</summary>
    public RootCommand Build(Func<CompareOptions, int> run)
    {
        var root = new RootCommand("Times blockuring img convert and backup jobs against qemu-img, nbdcopy and qemu-storage-daemon, in interleaved pairs.");
        foreach (var option in new Option[]
        {
            _binary, _selfCheck, _directory, _size, _compressedSize, _pairs, _cases, _stages, _opponents, _seed, _quick, _json, _html,
        })
        {
            root.Options.Add(option);
        }

        _size.Validators.Add(result => CheckSize(result.GetValueOrDefault<string?>(), result.AddError));
        _compressedSize.Validators.Add(result => CheckSize(result.GetValueOrDefault<string?>(), result.AddError));
        _stages.Validators.Add(result => CheckWords(result.GetValueOrDefault<string[]>(), _stageNames, result.AddError));
        _opponents.Validators.Add(result => CheckWords(result.GetValueOrDefault<string[]>(), _opponentNames, result.AddError));
        _pairs.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int?>() is < 1 or > 1000)
                result.AddError("--pairs takes a number from 1 to 1000");
        });
        root.Validators.Add(result =>
        {
            if (result.GetValue(_binary) is null && !result.GetValue(_selfCheck))
                result.AddError("--binary or --self-check is needed");
        });
        root.SetAction(result => run(Read(result)));
        return root;
    }

    private CompareOptions Read(ParseResult result)
    {
        var quick = result.GetValue(_quick);
        var selfCheck = result.GetValue(_selfCheck);
        var opponents = Split(result.GetValue(_opponents));
        if (opponents.Count == 0)
            opponents = quick || selfCheck ? ["best", "daemon"] : [.. _opponentNames];
        var stages = Split(result.GetValue(_stages));
        return new CompareOptions
        {
            Binary = result.GetValue(_binary) ?? "qemu-img",
            SelfCheck = selfCheck,
            Directory = result.GetValue(_directory)!,
            SizeBytes = Size(result.GetValue(_size), quick ? 256 * ByteSize.MiB : 2 * ByteSize.GiB),
            CompressedSizeBytes = Size(result.GetValue(_compressedSize), quick ? 64 * ByteSize.MiB : 512 * ByteSize.MiB),
            PairCount = result.GetValue(_pairs) ?? (quick ? 2 : 5),
            CaseFilter = Split(result.GetValue(_cases)),
            Stages = stages.Count == 0 ? _stageNames : stages,
            Opponents = opponents,
            Seed = result.GetValue(_seed),
            JsonPath = result.GetValue(_json),
            HtmlPath = result.GetValue(_html),
        };
    }

    private static Option<string[]> Words(string name, string description) =>
        new(name) { Description = description, AllowMultipleArgumentsPerToken = true };

    private static List<string> Split(string[]? words) =>
        [.. (words ?? []).SelectMany(word => word.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))];

    private static long Size(string? text, long fallback) => text is not null && ByteSize.TryParse(text, out var bytes) ? bytes : fallback;

    private static void CheckSize(string? text, Action<string> addError)
    {
        if (text is not null && !ByteSize.TryParse(text, out _))
            addError($"'{text}' is not a size: give a multiple of 1M, such as 512M or 2G");
    }

    private static void CheckWords(string[]? words, string[] known, Action<string> addError)
    {
        foreach (var word in Split(words).Where(word => !known.Contains(word)))
            addError($"'{word}' is unknown here: choose from {string.Join(", ", known)}");
    }
}
