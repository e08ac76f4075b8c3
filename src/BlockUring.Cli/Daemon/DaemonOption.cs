using BlockUring.Cli.Img;

namespace BlockUring.Cli.Daemon;

/// <summary>An option of the daemon.</summary>
/// <param name="Short">Its letter; '\0' for none.</param>
/// <param name="Names">Its name.</param>
/// <param name="TakesValue">Whether a value follows.</param>
/// <param name="ValueHelp">The value, in the help.</param>
/// <param name="Help">What it is for.</param>
internal sealed record DaemonOption(char Short, string Names, bool TakesValue, string ValueHelp, string Help) : IOptionShape
{
    /// <summary>All of them, in the order of the help.</summary>
    public static DaemonOption[] All { get; } =
    [
        new('h', "help", false, "", "display this help and exit"),
        new('V', "version", false, "", "output version information and exit"),
        new('T', "trace", true, "OPTIONS", "accepted for compatibility and ignored"),
        new('\0', "blockdev", true, "[driver=]DRIVER[,node-name=NAME][,OPTION=VALUE...]", "add a block node; JSON is accepted, too"),
        new('\0', "chardev", true, "[backend=]BACKEND,id=ID[,OPTION=VALUE...]", "add a character device: socket, stdio, file, pipe, ringbuf or null"),
        new('\0', "daemonize", false, "", "go to the background; the caller goes on once the start is complete"),
        new('\0', "export", true, "[type=]TYPE,id=ID,node-name=NAME[,OPTION=VALUE...]", "export a node"),
        new('\0', "monitor", true, "[chardev=]ID[,mode=control|readline][,pretty=on|off]", "serve QMP, or people who type, on a character device"),
        new('\0', "nbd-server", true, "addr.type=TYPE,addr.OPTION=VALUE...", "start an NBD server"),
        new('\0', "object", true, "[qom-type=]TYPE,id=ID[,OPTION=VALUE...]", "add an object; 'help' lists the types, 'TYPE,help' the options of one"),
        new('\0', "pidfile", true, "PATH", "write the process ID to a file once the start is complete"),
    ];
}
