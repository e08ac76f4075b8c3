using System.Text;
using System.Text.Json;
using BlockUring.Graph;
using BlockUring.Images;
using BlockUring.Qmp.Channels;
using BlockUring.Qmp.Exports;
using BlockUring.Qmp.Objects;
using BlockUring.Qmp.Schema;
using BlockUring.Qmp.Wire;
using BlockUring.Storage;

namespace BlockUring.Qmp.Startup;

/// <summary>What a daemon's command line makes: nodes, objects, character devices, monitors. Errors are in QEMU's words.</summary>
/// <param name="context">Where things are made.</param>
/// <param name="server">Where monitors are made.</param>
public sealed class StartupOptions(MonitorContext context, QmpServer server)
{
    /// <summary>--blockdev.</summary>
    /// <exception cref="BlockException">Why not.</exception>
    public async ValueTask AddNodeAsync(string text)
    {
        try
        {
            var options = Read("BlockdevOptions", text, "driver");
            using var change = await context.Graph.BeginChangeAsync();
            await GraphOpener.AddAsync(context.Graph, OptionTree.Of(options));
        }
        catch (QmpException e)
        {
            throw Refused(e.Message);
        }
    }

    /// <summary>--object.</summary>
    /// <returns>The help that was asked for instead; null when an object was made.</returns>
    /// <exception cref="BlockException">Why not.</exception>
    public async ValueTask<string?> AddObjectAsync(string text)
    {
        const string TypeKey = "qom-type";
        try
        {
            if (!IsJson(text))
            {
                var tree = KeyvalText.Parse(text, TypeKey, out var asksForHelp);
                if (asksForHelp)
                    return DescribeObjects(tree.TryGetProperty(TypeKey, out var type) ? type.ToString() : null);
            }

            await context.Objects.AddAsync(context, Read("ObjectOptions", text, TypeKey));
            return null;
        }
        catch (QmpException e)
        {
            throw Refused(e.Message);
        }
    }

    /// <summary>--chardev.</summary>
    /// <exception cref="BlockException">Why not.</exception>
    public async ValueTask AddChardevAsync(string text) => await context.OpenChardevAsync(ChardevOptions.Parse(text));

    /// <summary>--monitor.</summary>
    /// <exception cref="BlockException">Why not.</exception>
    public void AddMonitor(string text)
    {
        try
        {
            var options = Read("MonitorOptions", text, "chardev");
            var label = options.GetProperty("chardev").GetString();
            var chardev = context.Chardevs.FirstOrDefault(c => c.Label == label) ?? throw Refused($"chardev \"{label}\" not found");
            var isPretty = options.TryGetProperty("pretty", out var pretty) && pretty.GetBoolean();
            if (!options.TryGetProperty("mode", out var mode) || mode.ValueEquals("control"))
                server.AddMonitor(chardev, isPretty);
            else if (isPretty)
                throw Refused("'pretty' is not compatible with HMP monitors");
            else
                server.AddLineMonitor(chardev);
        }
        catch (QmpException e)
        {
            throw Refused(e.Message);
        }
    }

    /// <summary>--nbd-server.</summary>
    /// <exception cref="BlockException">Why not.</exception>
    public void StartNbdServer(string text)
    {
        try
        {
            context.Exports.StartServer(NbdServerSettings.OfOption(Read("NbdServerOptions", text, null)));
        }
        catch (QmpException e)
        {
            throw Refused(e.Message);
        }
    }

    /// <summary>--export.</summary>
    /// <exception cref="BlockException">Why not.</exception>
    public async ValueTask AddExportAsync(string text)
    {
        try
        {
            await context.Exports.AddAsync(Read("BlockExportOptions", text, "type"));
        }
        catch (QmpException e)
        {
            throw Refused(e.Message);
        }
    }

    private static JsonElement Read(string typeName, string text, string? impliedKey)
    {
        var type = (ObjectType)QapiSchema.Current.Type(typeName);
        if (IsJson(text))
            return ArgumentChecker.Check(type, ReadJson(text));
        var tree = KeyvalText.Parse(text, impliedKey, out var asksForHelp);
        if (asksForHelp)
            throw new QmpException("Help is not available for this option");
        return ArgumentChecker.CheckText(type, tree);
    }

    private static bool IsJson(string text) => text.StartsWith('{');

    private static JsonElement ReadJson(string text)
    {
        var reader = new MessageReader();
        // The line feed ends a last token that has no end of its own.
        ReadOnlySpan<byte> rest = Encoding.UTF8.GetBytes(text + "\n");
        if (!reader.TryRead(ref rest, out var message))
            message = reader.End();
        else if (!rest.Trim(" \t\r\n"u8).IsEmpty && message.Error == null)
            throw new QmpException("Expecting at most one JSON value");
        return message.Error == null ? message.Value : throw new QmpException(message.Error);
    }

    private static string DescribeObjects(string? typeName)
    {
        var type = QomType.All.FirstOrDefault(t => t.Name == typeName && t.IsUserCreatable);
        if (type == null)
            return "List of user creatable objects:\n" + string.Concat(QomType.All.Where(t => t.IsUserCreatable).OrderBy(t => t.Name, StringComparer.Ordinal).Select(t => $"  {t.Name}\n"));
        var properties = type.Properties.Where(p => p.Set != null).OrderBy(p => p.Name, StringComparer.Ordinal).ToList();
        if (properties.Count == 0)
            return $"There are no options for {type.Name}.\n";
        return $"{type.Name} options:\n" + string.Concat(properties.Select(p => $"  {p.Name}=<{p.Type}>\n"));
    }

    private static BlockException Refused(string message) => new(BlockErrorKind.Invalid, message);
}
