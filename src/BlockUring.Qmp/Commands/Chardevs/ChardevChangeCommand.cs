using BlockUring.Qmp.Channels;
using BlockUring.Storage;

namespace BlockUring.Qmp.Commands.Chardevs;

/// <summary>chardev-change.</summary>
internal sealed class ChardevChangeCommand()
    : QmpCommand<ChardevArguments, ChardevResult>("chardev-change", QmpJson.Default.ChardevArguments, QmpJson.Default.ChardevResult)
{
    /// <inheritdoc/>
    protected override async ValueTask<ChardevResult> RunAsync(MonitorContext context, ChardevArguments arguments)
    {
        var old = context.TryFindChardev(arguments.Id) ?? throw new QmpException($"Chardev '{arguments.Id}' does not exist");
        if (old.HasFrontend)
            throw new QmpException("Chardev user does not support chardev hotswap");
        try
        {
            await context.ReplaceChardevAsync(old, ChardevBackend.Read(arguments.Id, arguments.Backend));
            return new();
        }
        catch (BlockException e)
        {
            throw new QmpException($"Failed to add chardev '{arguments.Id}': {e.Message}");
        }
    }
}
