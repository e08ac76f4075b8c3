using BlockUring.Cli.Shell;
using Xunit;

namespace BlockUring.Tests.Cli.Shell;

public sealed class ShellHistoryTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("blockuring-").FullName;

    private string FilePath => Path.Combine(folder, "state", "blockuring", "qmp_history");

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void LinesAreThereTheNextTime()
    {
        var first = new ShellHistory(FilePath);
        foreach (var line in (string[])["query-jobs", "query-jobs", "", "quit", "query-jobs"])
            first.Add(line);
        Assert.Equal(["query-jobs", "quit", "query-jobs"], first.Lines);
        Assert.Equal(first.Lines, new ShellHistory(FilePath).Lines);
        if (OperatingSystem.IsLinux())
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(FilePath));
    }

    [Fact]
    public void SecretsStayInThisConversation()
    {
        var first = new ShellHistory(FilePath);
        first.Add(" query-jobs");
        first.Add("object-add qom-type=secret id=s data=abc");
        first.Add("quit");
        Assert.Equal(3, first.Lines.Count);
        Assert.Equal(["quit"], new ShellHistory(FilePath).Lines);
    }

    [Fact]
    public void TheFileDoesNotGrowForEver()
    {
        Directory.CreateDirectory(Path.GetDirectoryName(FilePath)!);
        File.WriteAllLines(FilePath, Enumerable.Range(0, 3 * ShellHistory.MaxLines).Select(i => $"line {i}"));
        var history = new ShellHistory(FilePath);
        Assert.Equal(ShellHistory.MaxLines, history.Lines.Count);
        Assert.Equal($"line {(3 * ShellHistory.MaxLines) - 1}", history.Lines[^1]);
        Assert.Equal(ShellHistory.MaxLines, File.ReadAllLines(FilePath).Length);
        history.Add("one more");
        Assert.Equal(ShellHistory.MaxLines, history.Lines.Count);
    }

    [Fact]
    public void WithoutAPlaceForTheFileLinesAreKeptHere()
    {
        File.WriteAllText(Path.Combine(folder, "state"), "in the way");
        foreach (var history in (ShellHistory[])[new(FilePath), new(null)])
        {
            history.Add("quit");
            Assert.Equal(["quit"], history.Lines);
        }
    }
}
