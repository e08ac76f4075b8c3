using System.Diagnostics;

namespace BlockUring.NativeTests.Cli;

/// <summary>Images made by qemu-img in a folder of their own, for command lines that only read; and the two programs to compare.</summary>
public sealed class QemuImgImages : IDisposable
{
    public QemuImgImages()
    {
        Folder = Directory.CreateTempSubdirectory("blockuring-cli-").FullName;
        if (!IsAvailable)
            return;
        Make("create -f raw @a.raw 1M");
        Make("create -f qcow2 -o extended_l2=on @a.qcow2 10M");
        Make("create -f qcow2 -b @a.qcow2 -F qcow2 @b.qcow2");
        Make("snapshot -c snap @b.qcow2");
        Make("bitmap --add @b.qcow2 bm");
        Make("create -f raw @b.raw 2M");
        Fill("b.raw", (65536, 131072, 3));
        File.Copy(PathOf("b.raw"), PathOf("c.raw"));
        Fill("c.raw", (102400, 512, 4));
        Make("convert -O qcow2 @b.raw @d.qcow2");
        Make("convert -c -O qcow2 @b.raw @dc.qcow2");
        Make("create -f qcow2 -o compat=0.10 @v2.qcow2 1G");
        Make("create -f qcow2 -o data_file=@data.raw,data_file_raw=on @df.qcow2 1M");
        Make("create -f qcow2 -b @nope -u -F raw @nope.qcow2 1M");
        Make("create -f qcow2 @loop.qcow2 1M");
        Make("rebase -u -F qcow2 -b @loop.qcow2 @loop.qcow2");
        Make("create -f raw @small.raw 1k");
        Make("create -f raw @big.raw 4M");
        Directory.CreateDirectory(PathOf("sub"));
        Make("create -f qcow2 -b ../a.qcow2 -F qcow2 @sub/o.qcow2");
        File.WriteAllText(PathOf("tiny.raw"), "abc");
        File.WriteAllText(PathOf("empty.raw"), "");
    }

    public static bool IsAvailable { get; } = File.Exists("/usr/bin/qemu-img");

    public string Folder { get; }

    public void Dispose() => Directory.Delete(Folder, recursive: true);

    public string PathOf(string name) => Path.Combine(Folder, name);

    /// <summary>Splits a command line at blanks and puts the folder where words have an @; two apostrophes are an empty word, a ~ is a blank.</summary>
    public string[] Words(string line) =>
        [.. line.Split(' ').Select(word => word == "''" ? "" : word.Replace("@", Folder + "/").Replace("~", " "))];

    public static (int ExitCode, string Output, string Error) RunQemuImg(IEnumerable<string> words)
    {
        var start = new ProcessStartInfo("/usr/bin/qemu-img", words) { RedirectStandardOutput = true, RedirectStandardError = true };
        using var process = Process.Start(start)!;
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output, error.Result);
    }

    private void Make(string line)
    {
        var (exitCode, _, error) = RunQemuImg(Words(line));
        if (exitCode != 0)
            throw new InvalidOperationException($"qemu-img {line}: {error}");
    }

    private void Fill(string name, params (long Offset, int Length, byte Value)[] content)
    {
        using var handle = File.OpenHandle(PathOf(name), FileMode.Open, FileAccess.ReadWrite);
        foreach (var (offset, length, value) in content)
        {
            var bytes = new byte[length];
            Array.Fill(bytes, value);
            RandomAccess.Write(handle, bytes, offset);
        }
    }
}
