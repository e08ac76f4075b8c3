using System.Text.Json;
using BlockUring.Graph;
using BlockUring.Images;
using BlockUring.Jobs;
using BlockUring.Native.Interop;
using BlockUring.Storage;

namespace BlockUring.Qmp.Commands.Jobs;

/// <summary>blockdev-create.</summary>
internal sealed class BlockdevCreateCommand()
    : QmpCommand<CreateArguments, NoResult>("blockdev-create", QmpJson.Default.CreateArguments, QmpJson.Default.NoResult)
{
    /// <inheritdoc/>
    protected override ValueTask<NoResult> RunAsync(MonitorContext context, CreateArguments arguments)
    {
        var options = arguments.Options;
        Func<ValueTask> work = options.GetProperty("driver").GetString() switch
        {
            "file" => () => CreateFileAsync(context.Files, options.Deserialize(QmpJson.Default.CreateFileOptions)!),
            "qcow2" => () => CreateQcow2Async(context.Graph, options.Deserialize(QmpJson.Default.CreateQcow2Options)!),
            "luks" => () => CreateLuksAsync(context.Graph, options, options.Deserialize(QmpJson.Default.CreateLuksOptions)!),
            _ => throw new QmpException("Driver does not support blockdev-create"),
        };
        var job = new ImageJob(context.Scheduler, JobType.Create, arguments.JobId, work);
        context.Jobs.Add(job);
        job.Start();
        return new(NoResult.Value);
    }

    private static async ValueTask CreateFileAsync(FileHost files, CreateFileOptions options)
    {
        var preallocation = options.Preallocation switch
        {
            null or "off" => PreallocationMode.Off,
            "falloc" => PreallocationMode.Falloc,
            "full" => PreallocationMode.Full,
            _ => throw new BlockException(BlockErrorKind.Unsupported, $"Unsupported preallocation mode: {options.Preallocation}"),
        };
        if (options.Size > long.MaxValue)
            throw new BlockException(BlockErrorKind.Invalid, $"Could not resize file: {Errno.Message(Errno.EINVAL)}", Errno.EINVAL);
        await using var file = await files.CreateAsync(options.Filename, (long)options.Size, preallocation, new FileOpenOptions(ReadOnly: false));
    }

    private static ValueTask CreateQcow2Async(BlockGraph graph, CreateQcow2Options options)
    {
        DemandNode(graph, options.File);
        if (options.Size % 512 != 0)
            throw new BlockException(BlockErrorKind.Invalid, "Image size must be a multiple of 512 bytes");
        DemandSize(options.Size);
        var dataFile = options.DataFile is { } data ? OptionTree.Of(data) : null;
        return NodeImage.CreateAsync(
            graph, ImageFormats.Find("qcow2")!, (long)options.Size, options.ToCreateOptions(), OptionTree.Of(options.File), dataFile);
    }

    private static ValueTask CreateLuksAsync(BlockGraph graph, JsonElement given, CreateLuksOptions options)
    {
        DemandNode(graph, options.File);
        DemandSize(options.Size);
        return NodeImage.CreateAsync(
            graph, ImageFormats.Find("luks")!, (long)options.Size, CreateLuksOptions.ToCreateOptions(given), OptionTree.Of(options.File), null);
    }

    private static void DemandNode(BlockGraph graph, JsonElement file)
    {
        if (file.ValueKind == JsonValueKind.String)
            graph.Find(file.GetString()!);
    }

    private static void DemandSize(ulong size)
    {
        if (size > NodeResize.MaxLength)
            throw new BlockException(BlockErrorKind.Invalid, $"Could not resize image: offset({size}) exceeds maximum({NodeResize.MaxLength})");
    }
}
