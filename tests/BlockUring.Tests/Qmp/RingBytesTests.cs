using BlockUring.Qmp.Channels;
using Xunit;

namespace BlockUring.Tests.Qmp;

public class RingBytesTests
{
    [Fact]
    public void TheLastBytesAreKeptWhateverIsWrittenAndRead()
    {
        const int Capacity = 8;
        var ring = new RingBytes(Capacity);
        var model = new List<byte>();
        var random = new Random(7);
        for (var step = 0; step < 2000; step++)
        {
            if (random.Next(2) == 0)
            {
                var added = new byte[random.Next(20)];
                random.NextBytes(added);
                ring.Write(added);
                model.AddRange(added);
                model.RemoveRange(0, Math.Max(0, model.Count - Capacity));
            }
            else
            {
                var found = ring.Peek(random.Next(12));
                Assert.Equal(model.Take(found.Length), found);
                var taken = random.Next(found.Length + 1);
                ring.Skip(taken);
                model.RemoveRange(0, taken);
            }

            Assert.Equal(model.Count, ring.Count);
            Assert.Equal(model, ring.Peek(long.MaxValue));
        }
    }
}
