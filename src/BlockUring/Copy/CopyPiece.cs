using BlockUring.Storage;

namespace BlockUring.Copy;

/// <summary>What is to be done with one run of the source.</summary>
internal enum CopyAction
{
    /// <summary>Read it, look for zeroes, write the rest.</summary>
    Data,

    /// <summary>It reads as zeroes.</summary>
    Zero,

    /// <summary>Leave it to the target's backing file, or to zeroes that are there already.</summary>
    Skip,
}

/// <summary>A run of the source, and where it lies on the host if it lies in one place.</summary>
/// <param name="Action">What to do.</param>
/// <param name="Offset">Bytes, in source and target alike.</param>
/// <param name="Length">Bytes; 0 means that there is no more.</param>
/// <param name="File">For data in one place: the source's file.</param>
/// <param name="HostOffset">Where in it, -1 when not in one place.</param>
internal readonly record struct CopyPiece(CopyAction Action, long Offset, long Length, BlockFile? File = null, long HostOffset = -1);
