using System.Text;
using BlockUring.Native.Uring;
using BlockUring.Nbd.Wire;

namespace BlockUring.Nbd.Client;

/// <summary>What a server has, as `qemu-nbd --list` tells it.</summary>
public static class NbdListing
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private static readonly (NbdTransmissionFlags Flag, string Name)[] FlagNames =
    [
        (NbdTransmissionFlags.ReadOnly, "readonly"),
        (NbdTransmissionFlags.SendFlush, "flush"),
        (NbdTransmissionFlags.SendForceUnitAccess, "fua"),
        (NbdTransmissionFlags.Rotational, "rotational"),
        (NbdTransmissionFlags.SendTrim, "trim"),
        (NbdTransmissionFlags.SendWriteZeroes, "zeroes"),
        (NbdTransmissionFlags.SendDoNotFragment, "df"),
        (NbdTransmissionFlags.CanMultiConnection, "multi"),
        (NbdTransmissionFlags.SendResize, "resize"),
        (NbdTransmissionFlags.SendCache, "cache"),
        (NbdTransmissionFlags.SendFastZero, "fast-zero"),
        (NbdTransmissionFlags.BlockStatusPayload, "block-status-payload"),
    ];

    /// <summary>Asks a server for its exports and what they are.</summary>
    /// <param name="scheduler">The thread of all I/O.</param>
    /// <param name="settings">The server, and how the connection is encrypted; the export does not matter.</param>
    /// <param name="dialer">Makes the connection.</param>
    /// <exception cref="Storage.BlockException">Why not, in QEMU's words.</exception>
    public static async ValueTask<IReadOnlyList<NbdExport>> AskAsync(Scheduler scheduler, NbdClientSettings settings, NbdDialer dialer)
    {
        var channel = await dialer.DialAsync();
        using var handshake = new NbdHandshake(scheduler.Buffers, channel, settings);
        var isOver = false;
        scheduler.Detach(EndLateAsync());
        try
        {
            return await handshake.ListAsync();
        }
        finally
        {
            isOver = true;
        }

        async ValueTask EndLateAsync()
        {
            await scheduler.DelayAsync(Patience);
            if (!isOver)
                await handshake.ShutdownAsync();
        }
    }

    /// <summary>Lines for people, each ended by a line feed.</summary>
    public static string Format(IReadOnlyList<NbdExport> exports)
    {
        var text = new StringBuilder($"exports available: {exports.Count}\n");
        foreach (var export in exports)
            Append(text, export);
        return text.ToString();
    }

    private static void Append(StringBuilder text, NbdExport export)
    {
        text.Append($" export: '{export.Name}'\n");
        if (!string.IsNullOrEmpty(export.Description))
            text.Append($"  description: {export.Description}\n");
        if (export.Can(NbdTransmissionFlags.HasFlags))
        {
            var flags = FlagNames.Where(f => export.Can(f.Flag)).Select(f => f.Name + " ");
            text.Append($"  size:  {export.Length}\n  flags: 0x{(ushort)export.Flags:x} ( {string.Concat(flags)})\n");
        }

        if (export.Sizes is { } sizes)
            text.Append($"  min block: {sizes.Minimum}\n  opt block: {sizes.Preferred}\n  max block: {sizes.Maximum}\n");
        if (export.Contexts.Count == 0)
            return;
        text.Append($"  available meta contexts: {export.Contexts.Count}\n");
        foreach (var context in export.Contexts)
            text.Append($"   {context}\n");
    }
}
