namespace BlockUring.Qmp;

/// <summary>The classes of errors that clients tell apart.</summary>
public enum QmpErrorClass
{
    /// <summary>Everything else.</summary>
    GenericError,

    /// <summary>There is no such command, or not in this state of the session.</summary>
    CommandNotFound,

    /// <summary>There is no block job of that name.</summary>
    DeviceNotActive,

    /// <summary>There is no device, node or object of that name.</summary>
    DeviceNotFound,
}
