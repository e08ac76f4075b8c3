using BlockUring.Cli.Output;
using BlockUring.Images;
using Xunit;

namespace BlockUring.Tests.Cli;

public sealed class JsonTextTests
{
    [Fact]
    public void MembersComeInTheOrderOfQemusDictionaries()
    {
        // The order in which qemu-img prints these.
        string[] expected =
        [
            "backing-filename-format", "snapshots", "virtual-size", "filename", "cluster-size", "format", "actual-size", "format-specific",
            "full-backing-filename", "backing-filename", "dirty-flag",
        ];
        var facts = new InfoObject();
        foreach (var name in expected.Order(StringComparer.Ordinal))
            facts.Add(name, 1);
        Assert.Equal(expected, InfoText.Ordered(facts).Select(m => m.Key));
    }

    [Fact]
    public void NestingIsIndentedByFour()
    {
        var facts = new InfoObject
        {
            { "filename", "a\"b\\c\n\u0001é" },
            { "format-specific", new InfoObject { { "flags", (IReadOnlyList<string>)["auto", "in-use"] } } },
            { "dirty-flag", false },
        };
        const string expected = """
            {
                "filename": "a\"b\\c\n\u0001\u00E9",
                "format-specific": {
                    "flags": [
                        "auto",
                        "in-use"
                    ]
                },
                "dirty-flag": false
            }
            """;
        Assert.Equal(expected.ReplaceLineEndings("\n"), JsonText.Pretty(facts));
    }

    [Fact]
    public void LinesNameListItemsByIndex()
    {
        var facts = new InfoObject { { "lazy-refcounts", true }, { "bitmaps", (IReadOnlyList<InfoObject>)[new InfoObject { { "name", "b" } }] } };
        Assert.Equal("    lazy refcounts: true\n    bitmaps:\n        [0]:\n            name: b\n", InfoText.Lines(facts, 1));
    }
}
