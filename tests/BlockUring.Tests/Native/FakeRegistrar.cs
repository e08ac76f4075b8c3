using BlockUring.Native.Memory;

namespace BlockUring.Tests.Native;

/// <summary>A buffer table with a few slots that remembers what is in them.</summary>
internal sealed class FakeRegistrar(int slots) : IBufferRegistrar
{
    private readonly (nint Start, int Length)?[] table = new (nint, int)?[slots];

    public int UsedCount => table.Count(entry => entry != null);

    public int Register(nint start, int length)
    {
        var slot = Array.IndexOf(table, null);
        if (slot >= 0)
            table[slot] = (start, length);
        return slot;
    }

    public void Unregister(int index)
    {
        if (table[index] == null)
            throw new InvalidOperationException("The slot is empty.");
        table[index] = null;
    }

    /// <summary>Whether the slot holds the bytes.</summary>
    public bool Covers(int slot, nint start, int length) =>
        table[slot] is { } entry && start >= entry.Start && start + length <= entry.Start + entry.Length;
}
