using System.Text.RegularExpressions;
using Xunit;

namespace BlockUring.Tests.Tidy;

/// <summary>Rules of the source tree that no compiler keeps: layers, lengths, words.</summary>
public partial class TidyTests
{
    // A ratchet: these only go down.
    private const int MaxFileLines = 450;
    private const int MaxLineLength = 150;

    // From the bottom to the top.
    private static readonly string[] Names = ["Storage", "Bitmaps", "Images", "Copy", "Graph", "Jobs", "Nbd", "Qmp", "Cli"];

    // Who may use whom inside the engine: a folder and the folders it must not know.
    private static readonly (string Folder, string[] Forbidden)[] Layers =
    [
        ("src/BlockUring.Native/", Above("Storage")),
        ("src/BlockUring/Storage/", Above("Bitmaps")),
        ("src/BlockUring/Bitmaps/", Above("Images")),
        ("src/BlockUring/Images/", Above("Copy")),
        ("src/BlockUring/Images/Raw/", ["BlockUring.Images.Qcow2"]),
        ("src/BlockUring/Images/Qcow2/", ["BlockUring.Images.Raw"]),
        ("src/BlockUring/Copy/", [.. Above("Graph"), "BlockUring.Images.Qcow2", "BlockUring.Images.Raw"]),
        ("src/BlockUring/Graph/", [.. Above("Jobs"), "BlockUring.Images.Qcow2", "BlockUring.Images.Raw"]),
        ("src/BlockUring/Jobs/", [.. Above("Nbd"), "BlockUring.Images.Qcow2", "BlockUring.Images.Raw"]),
        ("src/BlockUring.Nbd/", [.. Above("Qmp"), "BlockUring.Jobs", "BlockUring.Images.Qcow2", "BlockUring.Images.Raw"]),
        ("src/BlockUring.Nbd/Wire/", ["BlockUring.Graph", "BlockUring.Images", "BlockUring.Nbd.Client", "BlockUring.Nbd.Server"]),
        ("src/BlockUring.Qmp/", [.. Above("Cli"), "BlockUring.Images.Qcow2", "BlockUring.Images.Raw"]),
        ("src/BlockUring.Qmp/Wire/", ["BlockUring.Qmp.Schema", "BlockUring.Qmp.Commands", "BlockUring.Qmp.Channels", "BlockUring.Qmp.Objects"]),
        ("src/BlockUring.Qmp/Schema/", ["BlockUring.Qmp.Channels", "BlockUring.Qmp.Objects"]),
        ("src/BlockUring.Qmp/Channels/", ["BlockUring.Qmp.Wire", "BlockUring.Qmp.Schema", "BlockUring.Qmp.Commands", "BlockUring.Qmp.Objects"]),
    ];

    [Fact]
    public void DependenciesPointDown()
    {
        var offences =
            from layer in Layers
            from file in SourceTree.Files
            where file.Path.StartsWith(layer.Folder, StringComparison.Ordinal)
            from line in file.Lines
            let used = UsingLine().Match(line).Groups[1].Value
            where layer.Forbidden.Any(f => used == f || used.StartsWith(f + ".", StringComparison.Ordinal))
            select $"{file.Path}: {line.Trim()}";
        Assert.Empty(offences);
    }

    [Fact]
    public void FilesAreShort() =>
        Assert.Empty(SourceTree.Files.Where(f => f.Lines.Length > MaxFileLines).Select(f => $"{f.Path}: {f.Lines.Length} lines"));

    [Fact]
    public void LinesAreShort() =>
        Assert.Empty(
            from file in SourceTree.Files
            from numbered in file.Lines.Index()
            where numbered.Item.Length > MaxLineLength && !TableRow().IsMatch(numbered.Item)
            select $"{file.Path}:{numbered.Index + 1}: {numbered.Item.Length} columns");

    [Fact]
    public void NoRegionsAndNoVagueNames() =>
        Assert.Empty(
            from file in SourceTree.Files
            from line in file.Lines
            where Banned().IsMatch(line)
            select $"{file.Path}: {line.Trim()}");

    [Fact]
    public void NothingIsLeftOpen() =>
        Assert.Empty(
            from file in SourceTree.Files
            from line in file.Lines
            where LeftOpen().IsMatch(line)
            select $"{file.Path}: {line.Trim()}");

    [Fact]
    public void EveryFileHasOneNamespaceOfItsFolder()
    {
        var offences =
            from file in SourceTree.Files
            let declared = file.Lines.Select(l => NamespaceLine().Match(l).Groups[1].Value).FirstOrDefault(n => n.Length > 0)
            where declared != null && declared != NamespaceOf(file.Path)
            select $"{file.Path}: {declared}, expected {NamespaceOf(file.Path)}";
        Assert.Empty(offences);
    }

    [Fact]
    public void TheSearchFindsTheSources() => Assert.Contains(SourceTree.Files, f => f.Path == "src/BlockUring/Images/Image.cs");

    // That layer and all above it.
    private static string[] Above(string name) => [.. Names.SkipWhile(n => n != name).Select(n => "BlockUring." + n)];

    private static string NamespaceOf(string path) =>
        Path.GetDirectoryName(path)!["src/".Length..].Replace('/', '.');

    // Rows of tables, messages and summaries read better in one line, however long.
    [GeneratedRegex(@"^\s+new\(|""|^\s*///")]
    private static partial Regex TableRow();

    [GeneratedRegex(@"^using (?:static )?([\w.]+);")]
    private static partial Regex UsingLine();

    [GeneratedRegex(@"^namespace ([\w.]+);")]
    private static partial Regex NamespaceLine();

    [GeneratedRegex(@"#region|\b(class|struct|record|interface) \w*(Utils|Helper|Manager)\b")]
    private static partial Regex Banned();

    [GeneratedRegex(@"NotImplementedException|\b(TODO|FIXME|HACK)\b")]
    private static partial Regex LeftOpen();
}
