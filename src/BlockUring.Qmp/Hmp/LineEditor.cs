using System.Text;

namespace BlockUring.Qmp.Hmp;

/// <summary>A line that somebody types: what comes, what is shown of it, and the lines before it.</summary>
internal sealed class LineEditor
{
    private const int MaxLineBytes = 4096;
    private const int MaxLines = 64;
    private const byte Escape = 0x1b;

    private readonly List<string> history = [];
    private readonly List<byte> line = [];
    private readonly StringBuilder echo = new();
    private int historyIndex;
    private int escapeLength;
    private bool endedWithReturn;

    /// <summary>Takes a byte.</summary>
    /// <returns>The line that it ends; null when it ends none.</returns>
    public string? Feed(byte one)
    {
        var followsReturn = endedWithReturn;
        endedWithReturn = one == '\r';
        if (escapeLength > 0)
        {
            FeedEscape(one);
            return null;
        }

        switch (one)
        {
            case (byte)'\n' when followsReturn:
                return null;
            case (byte)'\r' or (byte)'\n':
                return End();
            case Escape:
                escapeLength = 1;
                return null;
            case 0x08 or 0x7f:
                Erase(1);
                return null;
            case 0x15:
                Erase(line.Count);
                return null;
            case >= 0x20 when line.Count < MaxLineBytes:
                line.Add(one);
                echo.Append((char)one);
                return null;
            default:
                return null;
        }
    }

    /// <summary>What is to be shown since somebody asked, one character a byte.</summary>
    public string TakeEcho()
    {
        var text = echo.ToString();
        echo.Clear();
        return text;
    }

    private string End()
    {
        echo.Append("\r\n");
        var text = Encoding.UTF8.GetString([.. line]);
        line.Clear();
        if (text.Length > 0 && (history.Count == 0 || history[^1] != text))
            history.Add(text);
        if (history.Count > MaxLines)
            history.RemoveAt(0);
        historyIndex = history.Count;
        return text;
    }

    // An arrow is ESC [ A to D; what else begins with ESC is passed over to its last letter.
    private void FeedEscape(byte one)
    {
        if (escapeLength == 1)
        {
            escapeLength = one is (byte)'[' or (byte)'O' ? 2 : 0;
            return;
        }

        if (one is >= 0x40 and <= 0x7e)
            escapeLength = 0;
        if (one == 'A' && historyIndex > 0)
            Recall(historyIndex - 1);
        else if (one == 'B' && historyIndex < history.Count)
            Recall(historyIndex + 1);
    }

    private void Recall(int index)
    {
        Erase(line.Count);
        historyIndex = index;
        if (index == history.Count)
            return;
        foreach (var one in Encoding.UTF8.GetBytes(history[index]))
        {
            line.Add(one);
            echo.Append((char)one);
        }
    }

    private void Erase(int count)
    {
        for (var i = 0; i < count && line.Count > 0; i++)
        {
            line.RemoveAt(line.Count - 1);
            echo.Append("\b \b");
        }
    }
}
