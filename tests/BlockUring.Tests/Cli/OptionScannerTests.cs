using BlockUring.Cli.Img;
using CsCheck;
using Xunit;

namespace BlockUring.Tests.Cli;

public sealed class OptionScannerTests
{
    private static readonly Shape[] Shapes =
    [
        new('p', "progress", false),
        new('q', "", false),
        new('O', "target-format", true),
        new('o', "options|target-format-options", true),
        new('\0', "output", true),
    ];

    [Theory]
    [InlineData("-p a", "p; a")]
    [InlineData("a -p b", "p; a b")]
    [InlineData("-pq a", "p q; a")]
    [InlineData("-O raw a", "O=raw; a")]
    [InlineData("-Oraw a", "O=raw; a")]
    [InlineData("-O=raw a", "O==raw; a")]
    [InlineData("-pqOraw a", "p q O=raw; a")]
    [InlineData("-pqO raw a", "p q O=raw; a")]
    [InlineData("-o -p a", "o=-p; a")]
    [InlineData("-o -- a", "o=--; a")]
    [InlineData("-O a -O b c", "O=a O=b; c")]
    [InlineData("a -- -p -q", "; a -p -q")]
    [InlineData("-p -- a -- b", "p; a -- b")]
    [InlineData("- -p", "p; -")]
    [InlineData("--output=json a", "output=json; a")]
    [InlineData("--output json a", "output=json; a")]
    [InlineData("--output= a", "output=; a")]
    [InlineData("--outp json a", "output=json; a")]
    [InlineData("--progress a", "p; a")]
    [InlineData("--target-format-options x", "o=x; ")]
    [InlineData("--target-f x", "!--target-f before=--target-f")]
    [InlineData("--progress=1", "!--progress before=--progress=1")]
    [InlineData("-z a", "!z before=-z")]
    [InlineData("-pz a", "p !z before=-pz")]
    [InlineData("-zp a", "!z before=cmd")]
    [InlineData("a -zp", "!z before=a")]
    [InlineData("--zork a", "!--zork before=--zork")]
    [InlineData("a -O", "? before=-O")]
    [InlineData("a --output", "? before=--output")]
    public void ReadsAsGetoptDoes(string line, string expected) => Assert.Equal(expected, Scan(line.Split(' ')));

    [Fact]
    public void StopsAtTheFirstOperandWhenToldTo()
    {
        var scanner = new OptionScanner(["cmd", "-p", "convert", "-q"], Shapes, permutes: false);
        Assert.Equal(OptionScanner.Kind.Option, scanner.Next());
        Assert.Equal(OptionScanner.Kind.End, scanner.Next());
        Assert.Equal(["convert", "-q"], scanner.Operands);
    }

    [Fact]
    public void FindsEveryOptionAndOperandOnceWhateverTheOrder()
    {
        string[] items = ["-p", "-q", "-Ox", "--output=y", "a", "b", "-"];
        Gen.Int[0, items.Length - 1].Select(i => items[i]).Array[0, 12].Sample(
            words =>
            {
                var scanner = new OptionScanner(["cmd", .. words], Shapes);
                var options = 0;
                while (scanner.Next() == OptionScanner.Kind.Option)
                    options++;
                return options == words.Count(w => w.Length > 1 && w[0] == '-')
                    && scanner.Operands.SequenceEqual(words.Where(w => w.Length == 1));
            },
            seed: "0000KOIPe036");
    }

    private static string Scan(string[] words)
    {
        var scanner = new OptionScanner(["cmd", .. words], Shapes);
        var found = new List<string>();
        while (true)
        {
            switch (scanner.Next())
            {
                case OptionScanner.Kind.End:
                    return $"{string.Join(' ', found)}; {string.Join(' ', scanner.Operands)}";
                case OptionScanner.Kind.Unknown:
                    found.Add($"!{scanner.Unrecognized} before={scanner.WordBefore}");
                    return string.Join(' ', found);
                case OptionScanner.Kind.MissingValue:
                    found.Add($"? before={scanner.WordBefore}");
                    return string.Join(' ', found);
            }

            var shape = Shapes[scanner.Option];
            var name = shape.Short == '\0' ? shape.Names : shape.Short.ToString();
            found.Add(shape.TakesValue ? $"{name}={scanner.Value}" : name);
        }
    }

    private sealed record Shape(char Short, string Names, bool TakesValue) : IOptionShape;
}
