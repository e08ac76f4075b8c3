using BlockUring.Nbd.Wire;

namespace BlockUring.Nbd.Server;

/// <summary>What a request may be, before the engine has anything to do with it. Messages are QEMU's.</summary>
/// <param name="agreement">With the client.</param>
internal sealed class RequestRules(NbdAgreement agreement)
{
    private const NbdCommandFlags Zeroing = NbdCommandFlags.NoHole | NbdCommandFlags.FastZero;

    private bool IsExtended => agreement.Style == NbdReplyStyle.Extended;

    /// <summary>Bytes of payload that follow a request's header.</summary>
    public ulong PayloadBytes(in NbdRequest request) => HasPayload(request) ? request.Length : 0;

    /// <summary>Looks for what is wrong with a request.</summary>
    /// <returns>The error; <see cref="NbdError.None"/> for none.</returns>
    public NbdError Check(in NbdRequest request, out string message)
    {
        message = "";
        var unwanted = request.Flags & ~AllowedFlags(request.Command);
        if (unwanted != 0)
        {
            message = $"unsupported flags for command {NameOf(request.Command)} (got 0x{(ushort)request.Flags:x})";
            return NbdError.Invalid;
        }

        return request.Command switch
        {
            NbdCommand.Read when request.Length > NbdLimits.MaxPayloadBytes => TooLong(request, out message),
            NbdCommand.Read or NbdCommand.Cache => Inside(request, NbdError.Invalid, out message),
            NbdCommand.Write when IsExtended && (request.Flags & NbdCommandFlags.PayloadLength) == 0 =>
                Refuse("a write has a payload", out message),
            NbdCommand.Write or NbdCommand.WriteZeroes => Writable(request, NbdError.NoSpace, out message),
            NbdCommand.Trim => Writable(request, NbdError.Invalid, out message),
            NbdCommand.Flush => NbdError.None,
            NbdCommand.BlockStatus => CheckStatus(request, out message),
            _ => Refuse($"invalid request type ({(ushort)request.Command}) received", out message),
        };
    }

    /// <summary>Whether a range lies inside the export.</summary>
    public bool IsInside(ulong offset, ulong length)
    {
        var size = (ulong)agreement.Export.Length;
        return offset <= size && length <= size - offset;
    }

    /// <summary>The error of a range that does not.</summary>
    public static NbdError OutsideError(NbdCommand command) =>
        command is NbdCommand.Write or NbdCommand.WriteZeroes ? NbdError.NoSpace : NbdError.Invalid;

    /// <summary>What is said of it.</summary>
    public string OutsideMessage(ulong offset, ulong length) => $"operation past EOF; From: {offset}, Len: {length}, Size: {agreement.Export.Length}";

    private bool HasPayload(in NbdRequest request) =>
        IsExtended ? (request.Flags & NbdCommandFlags.PayloadLength) != 0 : request.Command == NbdCommand.Write;

    private NbdCommandFlags AllowedFlags(NbdCommand command) => NbdCommandFlags.ForceUnitAccess | command switch
    {
        NbdCommand.Read when agreement.Style != NbdReplyStyle.Simple => NbdCommandFlags.DoNotFragment,
        NbdCommand.Write when IsExtended => NbdCommandFlags.PayloadLength,
        NbdCommand.WriteZeroes => Zeroing,
        NbdCommand.BlockStatus => NbdCommandFlags.RequestOne,
        _ => NbdCommandFlags.None,
    };

    private NbdError CheckStatus(in NbdRequest request, out string message)
    {
        if (request.Length == 0)
            return Refuse("need non-zero length", out message);
        return agreement.Contexts.Count == 0
            ? Refuse("CMD_BLOCK_STATUS not negotiated", out message)
            : Inside(request, NbdError.Invalid, out message);
    }

    private NbdError Writable(in NbdRequest request, NbdError outside, out string message)
    {
        if (agreement.Export.IsReadOnly)
        {
            message = "Export is read-only";
            return NbdError.NotPermitted;
        }

        var error = Inside(request, outside, out message);
        return error == NbdError.None && (request.Flags & NbdCommandFlags.FastZero) != 0 ? Fast(request, out message) : error;
    }

    // Why by alignment: what is not whole units has to be written, or read and written back.
    private NbdError Fast(in NbdRequest request, out string message)
    {
        const ulong FileUnit = 4096;
        message = "";
        var unit = Math.Max((ulong)agreement.Export.Node.ClusterLength, FileUnit);
        var end = request.Offset + request.Length;
        var isWhole = request.Offset % unit == 0 && (end % unit == 0 || end == (ulong)agreement.Export.Length);
        if (isWhole)
            return NbdError.None;
        message = "writing zeroes there is not fast";
        return NbdError.NotSupported;
    }

    private NbdError Inside(in NbdRequest request, NbdError outside, out string message)
    {
        var isInside = IsInside(request.Offset, request.Length);
        message = isInside ? "" : OutsideMessage(request.Offset, request.Length);
        return isInside ? NbdError.None : outside;
    }

    private static NbdError TooLong(in NbdRequest request, out string message) =>
        Refuse($"len ({request.Length}) is larger than max len ({NbdLimits.MaxPayloadBytes})", out message);

    private static NbdError Refuse(string why, out string message)
    {
        message = why;
        return NbdError.Invalid;
    }

    private static string NameOf(NbdCommand command) => command switch
    {
        NbdCommand.Read => "read",
        NbdCommand.Write => "write",
        NbdCommand.Flush => "flush",
        NbdCommand.Trim => "trim",
        NbdCommand.Cache => "cache",
        NbdCommand.WriteZeroes => "write zeroes",
        NbdCommand.BlockStatus => "block status",
        _ => "<unknown>",
    };
}
