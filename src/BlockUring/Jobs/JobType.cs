namespace BlockUring.Jobs;

/// <summary>What a job does.</summary>
public enum JobType
{
    /// <summary>Writes the content of overlays into their backing file.</summary>
    Commit,

    /// <summary>Copies the content of backing files into an overlay.</summary>
    Stream,

    /// <summary>Copies a disk and keeps the copy equal until it is completed.</summary>
    Mirror,

    /// <summary>Copies a disk as it was when the job started.</summary>
    Backup,

    /// <summary>Makes an image.</summary>
    Create,

    /// <summary>Changes the options of an image.</summary>
    Amend,

    /// <summary>Goes back to an internal snapshot of a whole machine.</summary>
    SnapshotLoad,

    /// <summary>Makes an internal snapshot of a whole machine.</summary>
    SnapshotSave,

    /// <summary>Deletes an internal snapshot of a whole machine.</summary>
    SnapshotDelete,

    /// <summary>Reads a disk and does nothing with it.</summary>
    Null,
}
