using System.Globalization;
using BlockUring.Native.Interop;

namespace BlockUring.Storage;

/// <summary>Finds out which process holds a lock on a byte of a file, from what /proc shows of the processes of this user.</summary>
internal static class LockHolder
{
    private const int MaxCommandLength = 100;

    /// <summary>"process 123 (qemu-io -f raw x)", or null when nobody can be named.</summary>
    /// <param name="descriptor">The file, open in this process; its own locks do not count.</param>
    /// <param name="lockByte">The byte.</param>
    public static string? Find(int descriptor, long lockByte)
    {
        if (FileSystemCalls.Stat(descriptor, out var wanted) < 0)
            return null;
        foreach (var folder in Folders("/proc"))
        {
            if (!int.TryParse(Path.GetFileName(folder), NumberStyles.None, null, out var process))
                continue;
            foreach (var link in Folders($"{folder}/fd"))
            {
                var isThisOne = process == Environment.ProcessId && Path.GetFileName(link) == descriptor.ToString();
                if (!isThisOne
                    && FileSystemCalls.Stat(link, out var found) >= 0
                    && (found.Inode, found.DeviceMajor, found.DeviceMinor) == (wanted.Inode, wanted.DeviceMajor, wanted.DeviceMinor)
                    && HoldsLock($"{folder}/fdinfo/{Path.GetFileName(link)}", lockByte))
                    return $"process {process} ({CommandOf(folder)})";
            }
        }

        return null;
    }

    private static string[] Folders(string path)
    {
        try
        {
            return Directory.GetFileSystemEntries(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The process has ended, or is another user's.
            return [];
        }
    }

    // proc(5): "lock: 1: OFDLCK ADVISORY READ -1 fe:00:1234 100 101", the last two being the first and last byte.
    private static bool HoldsLock(string infoPath, long lockByte)
    {
        foreach (var line in ReadText(infoPath).Split('\n'))
        {
            var words = line.Split((char[])[' ', '\t'], StringSplitOptions.RemoveEmptyEntries);
            if (words.Length >= 9
                && words[0] == "lock:"
                && words[2] != "FLOCK"
                && long.TryParse(words[^2], out var first)
                && lockByte >= first
                && (words[^1] == "EOF" || (long.TryParse(words[^1], out var last) && lockByte <= last)))
                return true;
        }

        return false;
    }

    private static string CommandOf(string folder)
    {
        var command = ReadText($"{folder}/cmdline").TrimEnd('\0').Replace('\0', ' ');
        if (command.Length == 0)
            command = ReadText($"{folder}/comm").Trim();
        return command.Length <= MaxCommandLength ? command : command[..MaxCommandLength] + "...";
    }

    private static string ReadText(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }
}
