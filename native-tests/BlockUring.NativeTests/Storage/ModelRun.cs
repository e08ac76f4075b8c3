using BlockUring.Storage;
using Xunit;

namespace BlockUring.NativeTests.Storage;

/// <summary>A file and what it must hold.</summary>
internal sealed class ModelRun(BlockFile file, int seed, int maxLength, bool isFixed)
{
    private readonly Random random = new(seed);
    private readonly byte[] model = new byte[maxLength];
    private long modelLength = file.Length;

    /// <summary>Takes over what the file holds now.</summary>
    public async ValueTask ReadAllAsync()
    {
        using var buffer = file.Buffers.Rent(maxLength);
        await file.ReadAsync(0, buffer.Memory);
        buffer.Span.CopyTo(model);
    }

    public async ValueTask StepAsync()
    {
        var length = random.Next(20) switch
        {
            0 => random.Next(1 << 20),
            < 6 => random.Next(1 << 16),
            < 10 => 512 * random.Next(1, 64),
            < 14 => 4096 * random.Next(1, 16),
            _ => random.Next(1500),
        };
        var end = isFixed ? maxLength : Math.Min(maxLength, modelLength + (random.Next(40) == 0 ? 20_000 : 0));
        length = (int)Math.Min(length, end);
        var offset = random.NextInt64(end - length + 1);
        if (random.Next(2) == 0)
            offset &= -512;
        var shift = random.Next(3) == 0 ? random.Next(600) : 0;
        switch (random.Next(12))
        {
            case < 5:
                await WriteAsync(offset, length, shift);
                break;
            case < 7:
                await file.WriteZeroesAsync(offset, length, random.Next(2) == 0);
                if (length > 0)
                    Zero(offset, length);
                break;
            case 7 when random.Next(10) == 0:
                await file.FlushAsync();
                break;
            case 8 when !isFixed && random.Next(40) == 0:
                await ResizeAsync();
                break;
            default:
                await ReadAsync(random.NextInt64(maxLength), length, shift);
                break;
        }

        Assert.Equal(modelLength, file.Length);
    }

    public async ValueTask WriteAsync(long offset, int length, int memoryShift)
    {
        using var buffer = file.Buffers.Rent(length + memoryShift + 1);
        var memory = buffer.Memory.Slice(memoryShift, length);
        random.NextBytes(memory.Span);
        memory.Span.CopyTo(model.AsSpan((int)offset));
        if (length > 0)
            modelLength = Math.Max(modelLength, offset + length);
        await file.WriteAsync(offset, memory);
    }

    public async ValueTask VerifyAsync()
    {
        for (var offset = 0; offset < maxLength; offset += 1 << 20)
            await ReadAsync(offset, 1 << 20, 0);
    }

    public async ValueTask ReadAsync(long offset, int length, int memoryShift)
    {
        length = (int)Math.Min(length, maxLength - offset);
        using var buffer = file.Buffers.Rent(length + memoryShift + 1);
        var memory = buffer.Memory.Slice(memoryShift, length);
        memory.Span.Fill(0xEE);
        await file.ReadAsync(offset, memory);
        var difference = memory.Span.CommonPrefixLength(model.AsSpan((int)offset, length));
        Assert.True(difference == length, $"seed {seed}: read of {length} at {offset} differs at {offset + difference}, length {modelLength}");
    }

    private async ValueTask ResizeAsync()
    {
        var length = random.Next(maxLength);
        await file.SetLengthAsync(length);
        if (length < modelLength)
            model.AsSpan(length).Clear();
        modelLength = length;
    }

    private void Zero(long offset, int length)
    {
        model.AsSpan((int)offset, length).Clear();
        modelLength = Math.Max(modelLength, offset + length);
    }
}
