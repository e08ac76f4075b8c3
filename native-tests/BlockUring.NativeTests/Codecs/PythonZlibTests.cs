using System.ComponentModel;
using System.Diagnostics;
using BlockUring.Native.Codecs;
using Xunit;

namespace BlockUring.NativeTests.Codecs;

/// <summary>Python's zlib, which is the classic one, as the peer that reads what we write and the other way round.</summary>
public sealed class PythonZlibTests
{
    // The reader takes small bites, so that it keeps only the window it was told of and sees a stream that looks back too far.
    private const string Script = """
        import glob, os, sys, zlib
        for path in sorted(glob.glob(os.path.join(sys.argv[1], "*.cluster"))):
            cluster = open(path, "rb").read()
            reader, pending, out = zlib.decompressobj(-12), open(path + ".ours", "rb").read(), b""
            while pending and not reader.eof:
                out += reader.decompress(pending, 100)
                pending = reader.unconsumed_tail
            out += reader.flush()
            if out != cluster or not reader.eof:
                sys.exit(path + " was not read back")
            for bits in (12, 15):
                writer = zlib.compressobj(6, zlib.DEFLATED, -bits, 9)
                open(path + ".python" + str(bits), "wb").write(writer.compress(cluster) + writer.flush())
        """;

    [Fact]
    public async Task Each_reads_what_the_other_writes()
    {
        string folder = Directory.CreateTempSubdirectory("blockuring-codec-").FullName;
        try
        {
            Dictionary<string, byte[]> clusters = [];
            foreach (int level in new[] { 1, 2, 3, 6, 9 })
            {
                using ClusterCodec codec = ClusterCodec.Create(CompressionType.Zlib, level);
                for (int kind = 0; kind < 6; kind++)
                {
                    string path = Path.Combine(folder, $"{level}-{kind}.cluster");
                    byte[] cluster = MakeCluster(kind, seed: level);
                    byte[] packed = new byte[2 * cluster.Length];
                    int length = codec.Compress(cluster, packed);
                    File.WriteAllBytes(path, cluster);
                    File.WriteAllBytes(path + ".ours", packed[..length]);
                    clusters.Add(path, cluster);
                }
            }

            await RunPythonAsync(folder);
            using ClusterCodec reader = ClusterCodec.Create(CompressionType.Zlib);
            foreach ((string path, byte[] cluster) in clusters)
            {
                foreach (int bits in new[] { 12, 15 })
                {
                    byte[] unpacked = new byte[cluster.Length];
                    Assert.True(reader.Decompress(File.ReadAllBytes($"{path}.python{bits}"), unpacked), path);
                    Assert.True(unpacked.AsSpan().SequenceEqual(cluster), path);
                }
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task RunPythonAsync(string folder)
    {
        ProcessStartInfo start = new("python3", ["-c", Script, folder]) { RedirectStandardError = true };
        Process? python = null;
        try
        {
            python = Process.Start(start);
        }
        catch (Win32Exception)
        {
            Assert.Skip("This host has no python3.");
        }

        using (python)
        {
            string errors = await python!.StandardError.ReadToEndAsync();
            await python.WaitForExitAsync();
            if (errors.Contains("No module named 'zlib'", StringComparison.Ordinal))
                Assert.Skip("python3 was built without zlib.");
            Assert.True(python.ExitCode == 0, errors);
        }
    }

    /// <summary>Zeros, noise, and noise with repeats at distances around the window of 4 KiB.</summary>
    private static byte[] MakeCluster(int kind, int seed)
    {
        int[] distances = [0, 65536, 3000, 4096, 4097, 9000];
        Random random = new(seed);
        byte[] cluster = new byte[65536];
        if (distances[kind] == 0)
            return cluster;
        byte[] noise = new byte[distances[kind]];
        random.NextBytes(noise);
        for (int i = 0; i < cluster.Length; i++)
            cluster[i] = noise[i % noise.Length];
        return cluster;
    }
}
