using BlockUring.Images;
using BlockUring.Images.Qcow2;
using BlockUring.Native.Memory;
using BlockUring.Simulation.Storage;
using BlockUring.Storage;

namespace BlockUring.Simulation.Jobs.Backup;

/// <summary>Images in plain memory, made and read without any simulation.</summary>
internal sealed class TestImages(BufferPool buffers, Random random)
{
    public Dictionary<string, MemoryFile> Files { get; private init; } = [];

    /// <summary>The same, with other files: after a power cut, say.</summary>
    public TestImages With(Dictionary<string, MemoryFile> files) => new(buffers, random) { Files = files };

    /// <summary>Makes an image of zeroes, or of what the backing file shows.</summary>
    public void Create(
        string path, string format, long length, int clusterLength, string? backing = null, string backingFormat = "raw", string? compat = null)
    {
        if (format == "raw")
        {
            Files[path] = new MemoryFile(buffers, path, length);
            return;
        }

        var options = new Dictionary<string, string> { ["cluster_size"] = $"{clusterLength}" };
        if (compat != null)
            options["compat"] = compat;
        if (random.Next(3) == 0 && clusterLength >= 16384 && compat != "0.10")
            options["extended_l2"] = "on";
        else if (random.Next(6) == 0)
            options["compat"] = "0.10";
        if (backing != null)
            (options["backing_file"], options["backing_fmt"]) = (backing, backingFormat);
        var host = Host();
        new Qcow2Driver().CreateAsync(host, new CreateRequest(path, length, options)).Now();
        Files[path] = (MemoryFile)host.OpenAsync(path, new FileOpenOptions()).Now();
    }

    /// <summary>Writes data and zeroes here and there.</summary>
    public void Fill(string path, string format, double share)
    {
        var image = Open(path, format, readOnly: false);
        for (long offset = 0; offset < image.Length;)
        {
            var length = Math.Min(image.Length - offset, (random.Next(3) == 0 ? random.Next(1, 1000) : random.Next(1, 400)) * 512L);
            if (random.NextDouble() < share)
                Write(image, offset, (int)length);
            else if (random.Next(3) == 0)
                image.WriteZeroesAsync(offset, length).Now();
            else if (random.Next(6) == 0)
                image.DiscardAsync(offset, length).Now();
            offset += length;
        }

        image.FlushAsync().Now();
        image.DisposeAsync().Now();
    }

    /// <summary>Writes all guest bytes.</summary>
    public void Write(string path, string format, byte[] content)
    {
        var image = Open(path, format, readOnly: false);
        using var buffer = buffers.Rent(1 << 16);
        for (var offset = 0; offset < content.Length; offset += buffer.Length)
        {
            var part = Math.Min(buffer.Length, content.Length - offset);
            content.AsSpan(offset, part).CopyTo(buffer.Span);
            image.WriteAsync(offset, buffer.Memory.Slice(0, part)).Now();
        }

        image.FlushAsync().Now();
        image.DisposeAsync().Now();
    }

    /// <summary>All guest bytes.</summary>
    public byte[] Read(string path, string format)
    {
        var image = Open(path, format, readOnly: true);
        var bytes = new byte[image.Length];
        using var buffer = buffers.Rent(1 << 20);
        for (var offset = 0; offset < bytes.Length; offset += buffer.Length)
        {
            var part = Math.Min(buffer.Length, bytes.Length - offset);
            image.ReadAsync(offset, buffer.Memory.Slice(0, part)).Now();
            buffer.Span[..part].CopyTo(bytes.AsSpan(offset));
        }

        image.DisposeAsync().Now();
        return bytes;
    }

    /// <summary>For each byte whether the top layer holds its cluster, or a part of that.</summary>
    public bool[] Allocated(string path, string format)
    {
        var image = Open(path, format, readOnly: true);
        var result = new bool[image.Length];
        for (long offset = 0; offset < image.Length;)
        {
            var status = image.GetLayerStatusAsync(offset, image.Length - offset).Now();
            result.AsSpan((int)offset, (int)status.Length).Fill(status.IsAllocated);
            offset += status.Length;
        }

        image.DisposeAsync().Now();
        return result;
    }

    private void Write(Image image, long offset, int length)
    {
        using var buffer = buffers.Rent(length);
        var pattern = new byte[random.Next(8, 300)];
        random.NextBytes(pattern);
        for (var at = 0; at < length; at += pattern.Length)
            pattern.AsSpan(0, Math.Min(pattern.Length, length - at)).CopyTo(buffer.Span[at..]);
        image.WriteAsync(offset, buffer.Memory).Now();
    }

    private Image Open(string path, string format, bool readOnly) =>
        BackingChain.OpenAsync(path, format, new ImageOpenSettings(Host(), new FileOpenOptions(readOnly))).Now();

    private MemoryFileHost Host()
    {
        var host = new MemoryFileHost(buffers);
        foreach (var file in Files.Values)
            host.Add(file);
        return host;
    }
}
