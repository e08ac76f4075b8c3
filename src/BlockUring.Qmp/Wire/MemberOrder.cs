using System.Text;

namespace BlockUring.Qmp.Wire;

/// <summary>
/// The order in which QEMU writes the members of an object: that of a hash table of 512 buckets, with the hash of the trivial database
/// (tdb). Scripts that compare output as text depend on it.
/// </summary>
internal static class MemberOrder
{
    private const uint BucketCount = 512;

    /// <summary>The bucket of a name.</summary>
    public static int Of(string name)
    {
        Span<byte> small = stackalloc byte[128];
        var bytes = Encoding.UTF8.GetByteCount(name) <= small.Length ? small[..Encoding.UTF8.GetBytes(name, small)] : Encoding.UTF8.GetBytes(name);
        var hash = 0x238F13AFu * (uint)bytes.Length;
        for (var i = 0; i < bytes.Length; i++)
            hash += (uint)bytes[i] << (i * 5 % 24);
        return (int)((1103515243u * hash + 12345u) % BucketCount);
    }

    /// <summary>Sorts members that were added in the given order; within a bucket the last one comes first.</summary>
    /// <param name="members">Sorted in place.</param>
    /// <param name="nameOf">The name of a member.</param>
    public static void Sort<T>(List<T> members, Func<T, string> nameOf)
    {
        if (members.Count < 2)
            return;
        var keys = new (int Bucket, int Position)[members.Count];
        for (var i = 0; i < keys.Length; i++)
            keys[i] = (Of(nameOf(members[i])), -i);
        var sorted = members.ToArray();
        Array.Sort(keys, sorted);
        members.Clear();
        members.AddRange(sorted);
    }
}
