using System.Text;
using BlockUring.Qmp.Hmp;
using Xunit;

namespace BlockUring.Tests.Qmp.Hmp;

/// <summary>Lines that are typed.</summary>
public sealed class LineEditorTests
{
    private const string Up = "\u001b[A";
    private const string Down = "\u001b[B";

    [Theory]
    [InlineData("help\r", "help")]
    [InlineData("help\n", "help")]
    [InlineData("hexx\b\u007flp\r", "help")]
    [InlineData("\b\b\bhelp\r", "help")]
    [InlineData("zork\u0015help\r", "help")]
    [InlineData("he\u001b[3~lp\u001bOH\r", "help")]
    [InlineData("h\u0001e\u0002lp\r", "help")]
    [InlineData("a\r\nb\r\n", "a|b")]
    [InlineData("a\n\nb\r\r", "a||b|")]
    [InlineData("a\rb\r" + Up + Up + "\r", "a|b|a")]
    [InlineData("a\rb\r" + Up + Up + Up + Down + "x\r", "a|b|bx")]
    [InlineData("a\r" + Up + Down + "z\r", "a|z")]
    [InlineData("ü\r", "ü")]
    public void Keys_make_lines(string keys, string lines)
    {
        var editor = new LineEditor();
        List<string> ended = [];
        foreach (var one in Encoding.UTF8.GetBytes(keys))
        {
            if (editor.Feed(one) is { } line)
                ended.Add(line);
        }

        Assert.Equal(lines, string.Join('|', ended));
    }

    [Fact]
    public void What_is_typed_is_shown()
    {
        var editor = new LineEditor();
        foreach (var one in "ab\bc\r"u8)
            editor.Feed(one);
        Assert.Equal("ab\b \bc\r\n", editor.TakeEcho());
        Assert.Equal("", editor.TakeEcho());
    }

    [Fact]
    public void A_line_has_a_limit()
    {
        var editor = new LineEditor();
        for (var i = 0; i < 10_000; i++)
            editor.Feed((byte)'x');
        Assert.Equal(4096, editor.Feed((byte)'\r')!.Length);
    }
}
