using BlockUring.Compare.Cases;
using BlockUring.Compare.Reports;
using BlockUring.Compare.Running;
using BlockUring.Compare.Stages;

namespace BlockUring.Compare.Measuring;

/// <summary>The whole run: every stage, every case, every opponent.</summary>
internal sealed class CompareRun(
    CompareOptions options, SubjectProgram subject, ConsoleReport console, CancellationToken cancellation)
{
    private readonly List<Comparison> _rows = [];
    private readonly List<string> _notes = [];
    private readonly Dictionary<string, string> _stages = [];

    /// <summary>What was measured so far; complete once <see cref="Execute"/> has returned.</summary>
    public IReadOnlyList<Comparison> Rows => _rows;

    /// <summary>What was left out, and why.</summary>
    public IReadOnlyList<string> Notes => _notes;

    /// <summary>Name and description of the stages that ran.</summary>
    public IReadOnlyDictionary<string, string> Stages => _stages;

    /// <summary>Measures everything and removes what it made, on an interrupt too (then it throws).</summary>
    public void Execute()
    {
        var directory = Directory.CreateDirectory(Path.Combine(options.Directory, $"blockuring-compare-{Environment.ProcessId}")).FullName;
        try
        {
            RequireRoom();
            var counter = new SystemCallCounter(directory);
            if (counter.Missing is not null)
                Note($"no system calls are counted: {counter.Missing}");
            var sources = new SourceImages(directory, options, cancellation);
            foreach (var name in options.Stages)
            {
                using var stage = MakeStage(name, directory);
                if (stage is not null)
                    RunStage(stage, sources, new PairRunner(options, subject, counter, cancellation));
            }
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private void RunStage(Stage stage, SourceImages sources, PairRunner runner)
    {
        _stages[stage.Name] = stage.Description;
        foreach (var compareCase in CaseList.All.Where(IsChosen))
        {
            if (stage.Refuses(compareCase) is { } reason)
            {
                Note($"{stage.Name}: {compareCase.Name} is left out: {reason}");
                continue;
            }

            RunCase(stage, compareCase, sources, runner);
        }
    }

    private void RunCase(Stage stage, CompareCase compareCase, SourceImages sources, PairRunner runner)
    {
        SourceImage source;
        string sourcePath;
        try
        {
            console.Progress(stage.Name, compareCase, null, "preparing the source");
            source = sources.Get(compareCase.Source);
            sourcePath = stage.PlaceSource(source);
        }
        catch (Exception error) when (error is ToolException or IOException)
        {
            cancellation.ThrowIfCancellationRequested();
            Note($"{stage.Name}: {compareCase.Name} is left out: its source could not be made: {error.Message}");
            return;
        }

        foreach (var opponent in Opponent.All.Where(opponent => options.Opponents.Contains(opponent.Name)))
        {
            cancellation.ThrowIfCancellationRequested();
            if (opponent.Refuses(compareCase) is not null)
                continue;
            if (opponent == Opponent.Nbdcopy && !Tool.Exists("nbdcopy"))
            {
                Note("nbdcopy is left out: it is not installed");
                continue;
            }

            if (opponent == Opponent.Daemon && !Tool.Exists("qemu-storage-daemon"))
            {
                Note("backups are left out: qemu-storage-daemon is not installed");
                continue;
            }

            void Report(string what) => console.Progress(stage.Name, compareCase, opponent, what);
            var row = runner.Run(stage, compareCase, opponent, source, sourcePath, Report);
            _rows.Add(row);
            console.Finished(row);
        }
    }

    private Stage? MakeStage(string name, string directory)
    {
        if (name == "disk")
            return new DiskStage(directory);
        if (name == "zram")
            return MakeZramStage();
        var stage = RamStage.TryCreate(directory, Math.Max(options.SizeBytes, options.CompressedSizeBytes), out var reason, cancellation);
        if (stage is null)
            Note($"no RAM-backed block devices: {reason}");
        return stage;
    }

    private ZramStage? MakeZramStage()
    {
        if (ZramStage.Missing() is not { } missing)
            return new ZramStage(options.SizeBytes, cancellation);
        Note($"no compressed RAM disks: {missing}");
        return null;
    }

    private bool IsChosen(CompareCase compareCase) =>
        options.CaseFilter.Count == 0 || options.CaseFilter.Any(word => compareCase.Name.Contains(word, StringComparison.Ordinal));

    // Three full sources and a target, and the compressed ones.
    private void RequireRoom()
    {
        var needed = (4 * options.SizeBytes) + (3 * options.CompressedSizeBytes) + (256 * ByteSize.MiB);
        var free = new DriveInfo(options.Directory).AvailableFreeSpace;
        if (free < needed)
        {
            throw new ToolException($"{options.Directory} has {ByteSize.Format(free)} free, and {ByteSize.Format(needed)} are needed: "
                + "choose --dir or a smaller --size");
        }
    }

    private void Note(string text)
    {
        if (_notes.Contains(text))
            return;
        _notes.Add(text);
        console.Noted(text);
    }
}
