using BlockUring.Native.Uring;
using BlockUring.Nbd.Client;
using BlockUring.Storage;

namespace BlockUring.Qmp.Startup;

/// <summary>TLS credentials of a program that has no monitor.</summary>
public static class ClientCredentials
{
    /// <summary>Makes objects of their definitions, as --object takes them.</summary>
    /// <param name="thread">Which connections run on.</param>
    /// <param name="files">Where image files come from.</param>
    /// <param name="definitions">In the order of the command line.</param>
    /// <returns>Finds what driver nbd is to show.</returns>
    /// <exception cref="BlockException">A definition is wrong, or a file cannot be read.</exception>
    public static async ValueTask<Func<string, NbdTlsUpgrade>> MakeAsync(IoThread thread, FileHost files, IEnumerable<string> definitions)
    {
        var context = new MonitorContext(thread, files);
        var options = new StartupOptions(context, new QmpServer(context));
        foreach (var definition in definitions)
            _ = await options.AddObjectAsync(definition);
        return context.FindNbdTls;
    }
}
