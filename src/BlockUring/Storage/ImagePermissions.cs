namespace BlockUring.Storage;

/// <summary>What a user of an image does, or leaves others to do: QEMU's block permissions, which image locks stand for.</summary>
[Flags]
public enum ImagePermissions
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>Reading data that makes sense.</summary>
    ConsistentRead = 1,

    /// <summary>Writing.</summary>
    Write = 2,

    /// <summary>Writing what does not change what is read.</summary>
    WriteUnchanged = 4,

    /// <summary>Changing the length.</summary>
    Resize = 8,
}
