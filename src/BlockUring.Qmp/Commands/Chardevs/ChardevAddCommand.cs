using BlockUring.Qmp.Channels;
using BlockUring.Storage;

namespace BlockUring.Qmp.Commands.Chardevs;

/// <summary>chardev-add.</summary>
internal sealed class ChardevAddCommand()
    : QmpCommand<ChardevArguments, ChardevResult>("chardev-add", QmpJson.Default.ChardevArguments, QmpJson.Default.ChardevResult)
{
    /// <inheritdoc/>
    protected override async ValueTask<ChardevResult> RunAsync(MonitorContext context, ChardevArguments arguments)
    {
        if (context.TryFindChardev(arguments.Id) != null)
            throw new QmpException($"Chardev with id '{arguments.Id}' already exists");
        try
        {
            await context.OpenChardevAsync(ChardevBackend.Read(arguments.Id, arguments.Backend));
            return new();
        }
        catch (BlockException e)
        {
            throw new QmpException($"Failed to add chardev '{arguments.Id}': {e.Message}");
        }
    }
}
