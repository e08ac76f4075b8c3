namespace BlockUring.Nbd.Wire;

/// <summary>What an export is and can do.</summary>
[Flags]
public enum NbdTransmissionFlags : ushort
{
    /// <summary>Not an export.</summary>
    None = 0,

    /// <summary>Always set.</summary>
    HasFlags = 1,

    /// <summary>Writes are refused.</summary>
    ReadOnly = 1 << 1,

    /// <summary>Takes <see cref="NbdCommand.Flush"/>.</summary>
    SendFlush = 1 << 2,

    /// <summary>Takes <see cref="NbdCommandFlags.ForceUnitAccess"/>.</summary>
    SendForceUnitAccess = 1 << 3,

    /// <summary>A rotating disk: seeks cost.</summary>
    Rotational = 1 << 4,

    /// <summary>Takes <see cref="NbdCommand.Trim"/>.</summary>
    SendTrim = 1 << 5,

    /// <summary>Takes <see cref="NbdCommand.WriteZeroes"/>.</summary>
    SendWriteZeroes = 1 << 6,

    /// <summary>Takes <see cref="NbdCommandFlags.DoNotFragment"/>.</summary>
    SendDoNotFragment = 1 << 7,

    /// <summary>What one connection has flushed, all see.</summary>
    CanMultiConnection = 1 << 8,

    /// <summary>Takes <see cref="NbdCommand.Resize"/> (an experiment of the protocol).</summary>
    SendResize = 1 << 9,

    /// <summary>Takes <see cref="NbdCommand.Cache"/>.</summary>
    SendCache = 1 << 10,

    /// <summary>Takes <see cref="NbdCommandFlags.FastZero"/>.</summary>
    SendFastZero = 1 << 11,

    /// <summary>Takes <see cref="NbdCommandFlags.PayloadLength"/> with <see cref="NbdCommand.BlockStatus"/>.</summary>
    BlockStatusPayload = 1 << 12,
}
