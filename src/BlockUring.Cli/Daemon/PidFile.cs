using System.Globalization;
using System.Text;
using BlockUring.Cli.Img;
using BlockUring.Native.Interop;
using Microsoft.Win32.SafeHandles;

namespace BlockUring.Cli.Daemon;

/// <summary>A file with the process's ID, locked as long as the process lives, removed at its end.</summary>
internal sealed class PidFile : IDisposable
{
    private readonly string path;
    private readonly SafeFileHandle handle;

    private PidFile(string path, SafeFileHandle handle)
    {
        // Why whole: a daemon in the background leaves its working directory.
        this.path = Path.GetFullPath(path);
        this.handle = handle;
    }

    /// <summary>Makes the file.</summary>
    /// <exception cref="CommandFailure">It cannot be made, or another process holds it.</exception>
    public static PidFile Create(string path)
    {
        while (true)
        {
            var descriptor = FileSystemCalls.Open(path, OpenFlags.Write | OpenFlags.Create);
            if (descriptor < 0)
                throw Failure($"Could not create '{path}'", -descriptor);
            var handle = new SafeFileHandle(descriptor, ownsHandle: true);
            var locked = FileSystemCalls.LockWhole(descriptor);
            if (locked < 0)
            {
                handle.Dispose();
                throw Failure("Cannot lock pid file", -locked);
            }

            // The one who had it before may have removed it meanwhile.
            if (IsStill(path, descriptor))
            {
                RandomAccess.SetLength(handle, 0);
                RandomAccess.Write(handle, Encoding.ASCII.GetBytes(Environment.ProcessId.ToString(CultureInfo.InvariantCulture) + "\n"), 0);
                return new(path, handle);
            }

            handle.Dispose();
        }
    }

    /// <summary>Removes the file.</summary>
    public void Dispose()
    {
        NewFile.Remove(path);
        handle.Dispose();
    }

    private static bool IsStill(string path, int descriptor) =>
        FileSystemCalls.Stat(path, out var named) >= 0 && FileSystemCalls.Stat(descriptor, out var open) >= 0
        && (named.Inode, named.DeviceMajor, named.DeviceMinor) == (open.Inode, open.DeviceMajor, open.DeviceMinor);

    private static CommandFailure Failure(string what, int errno) => new($"cannot create PID file: {what}: {Errno.Message(errno)}");
}
