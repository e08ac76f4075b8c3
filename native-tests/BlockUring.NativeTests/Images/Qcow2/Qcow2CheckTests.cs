using System.Globalization;
using BlockUring.Simulation.Images.Qcow2;
using Xunit;

namespace BlockUring.NativeTests.Images.Qcow2;

/// <summary>`check` says what qemu-img says, line by line, of sound images and of damaged ones.</summary>
public sealed class Qcow2CheckTests(ITestOutputHelper output)
{
    // What the shell's timeout says, and the signals of a crash.
    private const int TimedOut = 124;
    private const int Crashed = 128;

    public static TheoryData<int> Cases { get; } = [.. Enumerable.Range(0, CheckCase.All.Count)];

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task A_sound_image_is_described_as_by_qemu_img(int index)
    {
        using var folder = new TempFolder();
        var path = await CheckCase.All[index].MakeAsync(folder);
        await AssertSameAsync(path, CheckCase.All[index].Name, "human");
        await AssertSameAsync(path, CheckCase.All[index].Name, "json");
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task Damage_is_reported_as_by_qemu_img(int index)
    {
        // BLOCKURING_FUZZ_COUNT asks for more, BLOCKURING_FUZZ_SEED for other ones.
        var count = int.Parse(Environment.GetEnvironmentVariable("BLOCKURING_FUZZ_COUNT") ?? "12", CultureInfo.InvariantCulture);
        var firstSeed = int.Parse(Environment.GetEnvironmentVariable("BLOCKURING_FUZZ_SEED") ?? "1", CultureInfo.InvariantCulture);
        using var folder = new TempFolder();
        var path = await CheckCase.All[index].MakeAsync(folder);
        var mutation = new MetadataMutation(await File.ReadAllBytesAsync(path));
        var compared = 0;
        for (var seed = firstSeed; seed < firstSeed + count; seed++)
        {
            var (image, what) = mutation.Damage(new Random(seed));
            await File.WriteAllBytesAsync(path, image);
            var name = $"{CheckCase.All[index].Name}, seed {seed}: {what}";
            if (await AssertSameAsync(path, name, seed % 4 == 0 ? "json" : "human"))
                compared++;
        }

        output.WriteLine($"{CheckCase.All[index].Name}: seeds {firstSeed} to {firstSeed + count - 1}, {compared} compared");
        Assert.True(compared > count / 2);
    }

    private static async Task<bool> AssertSameAsync(string path, string name, string format)
    {
        var theirs = await Tool.TryRunAsync("timeout", "20", "qemu-img", "check", "-f", "qcow2", "--output=" + format, path);
        if (theirs.ExitCode is TimedOut or >= Crashed)
            return false;
        var ours = ImgRun.Run("check", "-f", "qcow2", "--output=" + format, path);
        var (their, our) = (ImgRun.Lines(theirs.Error), ImgRun.Lines(ours.Error));
        Assert.True(their == our, ImgRun.Difference(name, their, our));
        Assert.True(theirs.Output == ours.Output, ImgRun.Difference(name, theirs.Output, ours.Output));
        Assert.True(theirs.ExitCode == ours.ExitCode, $"{name}: exit code {ours.ExitCode}, qemu-img's {theirs.ExitCode}\n{theirs.Error}");
        return true;
    }
}
