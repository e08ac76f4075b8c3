namespace BlockUring.Native.Interop;

/// <summary>What a process does to leave the terminal that it was started from. A negative answer is an error number.</summary>
public static class ProcessCalls
{
    /// <summary>Makes the process the first one of a session of its own: the terminal's signals no longer reach it (setsid).</summary>
    public static int StartSession() => ProcessKernel.StartSession() < 0 ? -Errno.Last : 0;

    /// <summary>Standard input is empty from now on, and what is written to standard output and error is lost.</summary>
    public static int DropStandardStreams()
    {
        var nothing = FileSystemCalls.Open("/dev/null", OpenFlags.Write);
        if (nothing < 0)
            return nothing;
        const int streamCount = 3;
        for (var stream = 0; stream < streamCount; stream++)
        {
            if (ProcessKernel.Duplicate(nothing, stream) < 0)
                return -Errno.Last;
        }

        return FileSystemCalls.Close(nothing);
    }
}
