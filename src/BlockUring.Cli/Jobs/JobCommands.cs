using System.CommandLine;
using BlockUring.Cli.Img;
using BlockUring.Cli.Output;
using BlockUring.Images;
using BlockUring.Jobs.Backup;
using BlockUring.Jobs.Commit;
using BlockUring.Storage;

namespace BlockUring.Cli.Jobs;

/// <summary>The commands that run one job from its start to its end, as words and options.</summary>
internal static class JobCommands
{
    /// <summary>`backup`.</summary>
    public static Command MakeBackup(CommandOutput output)
    {
        var source = new Argument<string>("SOURCE") { Description = "The image to copy" };
        var target = new Argument<string>("TARGET") { Description = "Where to; made unless it is there" };
        var format = new Option<string?>("--format", "-f") { Description = "Format of the source (probed by default)" };
        var targetFormat = new Option<string?>("--target-format", "-O") { Description = "Format of the target (default: the source's)" };
        var sync = new Option<string>("--sync") { Description = "'full' for the whole disk, 'top' for what the top layer holds", DefaultValueFactory = _ => "full" };
        var compress = new Option<bool>("--compress", "-c") { Description = "Compress the target" };
        var (speed, cache, progress) = (MakeSpeed(), MakeCache(), MakeProgress());
        var command = new Command("backup", "Copy a disk image with a backup job") { source, target, format, targetFormat, sync, compress, speed, cache, progress };
        command.SetAction(result =>
        {
            if (!TryRead(output, result.GetValue(speed), result.GetValue(cache)!, out var bytes, out var mode))
                return 1;
            if (result.GetValue(sync) is not ("full" or "top"))
                return Refuse(output, $"--sync must be full or top, not '{result.GetValue(sync)}'");
            return new BackupCommand(result.GetValue(source)!, result.GetValue(target)!)
            {
                SourceFormat = result.GetValue(format),
                TargetFormat = result.GetValue(targetFormat),
                Sync = result.GetValue(sync) == "top" ? BackupSync.Top : BackupSync.Full,
                IsCompressed = result.GetValue(compress),
                Speed = bytes,
                Cache = mode!,
                ShowsProgress = result.GetValue(progress),
            }.Run(output);
        });
        return command;
    }

    /// <summary>`stream`.</summary>
    public static Command MakeStream(CommandOutput output)
    {
        var image = new Argument<string>("IMAGE") { Description = "The image to fill" };
        var format = new Option<string?>("--format", "-f") { Description = "Its format (probed by default)" };
        var below = new Option<string?>("--base", "-b") { Description = "The backing file to keep, of those below (default: none)" };
        var backingFile = new Option<string?>("--backing-file") { Description = "What the image is to call the base (default: its name)" };
        var (speed, cache, progress) = (MakeSpeed(), MakeCache(), MakeProgress());
        var command = new Command("stream", "Fill a disk image with what its backing files hold, with a stream job")
        {
            image, format, below, backingFile, speed, cache, progress,
        };
        command.SetAction(result =>
        {
            if (!TryRead(output, result.GetValue(speed), result.GetValue(cache)!, out var bytes, out var mode))
                return 1;
            return new StreamCommand(result.GetValue(image)!)
            {
                Format = result.GetValue(format),
                Base = result.GetValue(below),
                BackingFile = result.GetValue(backingFile),
                Speed = bytes,
                Cache = mode!,
                ShowsProgress = result.GetValue(progress),
            }.Run(output);
        });
        return command;
    }

    /// <summary>`mirror`.</summary>
    public static Command MakeMirror(CommandOutput output)
    {
        var source = new Argument<string>("SOURCE") { Description = "The image to copy" };
        var target = new Argument<string>("TARGET") { Description = "Where to; made unless it is there" };
        var format = new Option<string?>("--format", "-f") { Description = "Format of the source (probed by default)" };
        var targetFormat = new Option<string?>("--target-format", "-O") { Description = "Format of the target (default: the source's)" };
        var sync = new Option<string>("--sync") { Description = "'full' for the whole disk, 'top' for what the top layer holds", DefaultValueFactory = _ => "full" };
        var granularity = new Option<string?>("--granularity") { Description = "Unit of copying, a power of two from 512 to 64M (default: the target's cluster)" };
        var buffer = new Option<string?>("--buf-size") { Description = "Bytes in flight, with a suffix k, M or G" };
        var isZero = new Option<bool>("--target-is-zero") { Description = "The target reads as zeroes: zeroes are not written to it" };
        var (speed, cache, progress) = (MakeSpeed(), MakeCache(), MakeProgress());
        var command = new Command("mirror", "Copy a disk image with a mirror job")
        {
            source, target, format, targetFormat, sync, granularity, buffer, isZero, speed, cache, progress,
        };
        command.SetAction(result =>
        {
            if (!TryRead(output, result.GetValue(speed), result.GetValue(cache)!, out var bytes, out var mode)
                || !TryReadSize(output, "--granularity", result.GetValue(granularity), out var unit)
                || !TryReadSize(output, "--buf-size", result.GetValue(buffer), out var bufferLength))
                return 1;
            if (result.GetValue(sync) is not ("full" or "top"))
                return Refuse(output, $"--sync must be full or top, not '{result.GetValue(sync)}'");
            return new MirrorCommand(result.GetValue(source)!, result.GetValue(target)!)
            {
                SourceFormat = result.GetValue(format),
                TargetFormat = result.GetValue(targetFormat),
                Sync = result.GetValue(sync) == "top" ? BackupSync.Top : BackupSync.Full,
                Granularity = unit,
                BufferLength = bufferLength,
                TargetIsZero = result.GetValue(isZero),
                Speed = bytes,
                Cache = mode!,
                ShowsProgress = result.GetValue(progress),
            }.Run(output);
        });
        return command;
    }

    /// <summary>`null`.</summary>
    public static Command MakeNull(CommandOutput output)
    {
        var image = new Argument<string>("IMAGE") { Description = "The image to read" };
        var format = new Option<string?>("--format", "-f") { Description = "Its format (probed by default)" };
        var (speed, cache, progress) = (MakeSpeed(), MakeCache(), MakeProgress());
        var command = new Command("null", "Read a whole disk image with a job that does nothing with it") { image, format, speed, cache, progress };
        command.SetAction(result =>
        {
            if (!TryRead(output, result.GetValue(speed), result.GetValue(cache)!, out var bytes, out var mode))
                return 1;
            return new NullCommand(result.GetValue(image)!)
            {
                Format = result.GetValue(format),
                Speed = bytes,
                Cache = mode!,
                ShowsProgress = result.GetValue(progress),
            }.Run(output);
        });
        return command;
    }

    /// <summary>`commit`.</summary>
    public static Command MakeCommit(CommandOutput output)
    {
        var image = new Argument<string>("IMAGE") { Description = "The image at the top of the chain; it stays there" };
        var format = new Option<string?>("--format", "-f") { Description = "Its format (probed by default)" };
        var top = new Option<string?>("--top") { Description = "The topmost file that is taken out of the chain (default: the image's backing file)" };
        var bottom = new Option<string?>("--base", "-b") { Description = "The file that gets the data (default: the last of the chain)" };
        var backingFile = new Option<string?>("--backing-file") { Description = "What the image above is to call the base (default: its name)" };
        var safe = new Option<bool>("--safe") { Description = Sentence(SafeCommitOptions.SafeHelp) };
        var protect = new Option<string[]>("--protect") { Description = Sentence(SafeCommitOptions.ProtectHelp), DefaultValueFactory = _ => [] };
        var directory = new Option<string[]>("--protect-directory") { Description = Sentence(SafeCommitOptions.DirectoryHelp), DefaultValueFactory = _ => [] };
        var dryRun = new Option<bool>("--dry-run") { Description = Sentence(SafeCommitOptions.DryRunHelp) };
        var json = new Option<bool>("--json") { Description = "With --dry-run: print JSON" };
        var (speed, cache, progress) = (MakeSpeed(), MakeCache(), MakeProgress());
        var command = new Command("commit", "Move layers of a chain into one below them with a commit job")
        {
            image, format, top, bottom, backingFile, safe, protect, directory, dryRun, json, speed, cache, progress,
        };
        command.SetAction(result =>
        {
            if (!TryRead(output, result.GetValue(speed), result.GetValue(cache)!, out var bytes, out var mode))
                return 1;
            OverlayProtection? protection;
            try
            {
                protection = SafeCommitOptions.Parse(
                    result.GetValue(safe), result.GetValue(protect)!, result.GetValue(directory)!, result.GetValue(dryRun));
            }
            catch (CommandFailure e)
            {
                return Refuse(output, e.Message);
            }

            return new CommitCommand(result.GetValue(image)!)
            {
                Format = result.GetValue(format),
                Top = result.GetValue(top),
                Base = result.GetValue(bottom),
                BackingFile = result.GetValue(backingFile),
                Protection = protection,
                IsDryRun = result.GetValue(dryRun),
                IsJson = result.GetValue(json),
                Speed = bytes,
                Cache = mode!,
                ShowsProgress = result.GetValue(progress),
            }.Run(output);
        });
        return command;
    }

    private static string Sentence(string help) => char.ToUpperInvariant(help[0]) + help[1..];

    private static Option<string?> MakeSpeed() => new("--speed") { Description = "The most bytes a second, with a suffix k, M or G (default: no limit)" };

    private static Option<string> MakeCache() => new("--cache") { Description = "Cache mode of all files", DefaultValueFactory = _ => CacheMode.None.Name };

    private static Option<bool> MakeProgress() => new("--progress", "-p") { Description = "Show progress where there is no terminal, too" };

    private static bool TryRead(CommandOutput output, string? speed, string cache, out long bytes, out CacheMode? mode)
    {
        bytes = 0;
        mode = CacheMode.Parse(cache);
        if (mode != null)
            return TryReadSize(output, "--speed", speed, out bytes);
        Refuse(output, $"Invalid cache option: {cache}");
        return false;
    }

    private static bool TryReadSize(CommandOutput output, string name, string? text, out long bytes)
    {
        bytes = 0;
        if (text == null || SizeText.TryParse(text, out bytes))
            return true;
        Refuse(output, $"{name} must be a number of bytes, with a suffix k, M or G, not '{text}'");
        return false;
    }

    private static int Refuse(CommandOutput output, string message)
    {
        output.Report(Launcher.ProgramName, message);
        return 1;
    }
}
