using System.Text;

namespace BlockUring.Cli.Shell;

/// <summary>One line on a terminal, with the usual keys, completion and history. Something else may be printed between the keys.</summary>
/// <param name="prompt">Before the line.</param>
/// <param name="complete">What the text before the cursor can go on with.</param>
/// <param name="history">The lines before, to which those that are read are added.</param>
/// <param name="idle">Called again and again while no key comes; says what to print above the line, or null.</param>
internal sealed class LineEditor(string prompt, Func<string, IReadOnlyList<string>> complete, ShellHistory history, Func<string?> idle)
{
    private readonly StringBuilder line = new();
    private int cursor;
    private int shownEntry;

    /// <summary>Reads a line.</summary>
    /// <returns>Null at the end of input (Ctrl-D).</returns>
    public string? Read()
    {
        line.Clear();
        (cursor, shownEntry) = (0, history.Lines.Count);
        Draw();
        while (true)
        {
            while (!Console.KeyAvailable)
            {
                if (idle() is { } text)
                    PrintAbove(text);
            }

            var key = Console.ReadKey(intercept: true);
            if (key.Key == ConsoleKey.Enter)
                break;
            if (key is { Key: ConsoleKey.D, Modifiers: ConsoleModifiers.Control } && line.Length == 0)
                return null;
            Apply(key);
            Draw();
        }

        Console.Write("\n");
        var read = line.ToString();
        history.Add(read);
        return read;
    }

    private void Apply(ConsoleKeyInfo key)
    {
        switch (key.Key)
        {
            case ConsoleKey.Tab:
                Complete();
                break;
            case ConsoleKey.UpArrow or ConsoleKey.DownArrow:
                ShowEntry(shownEntry + (key.Key == ConsoleKey.UpArrow ? -1 : 1));
                break;
            case ConsoleKey.LeftArrow:
                cursor = Math.Max(0, cursor - 1);
                break;
            case ConsoleKey.RightArrow:
                cursor = Math.Min(line.Length, cursor + 1);
                break;
            case ConsoleKey.Home:
            case ConsoleKey.A when key.Modifiers == ConsoleModifiers.Control:
                cursor = 0;
                break;
            case ConsoleKey.End:
            case ConsoleKey.E when key.Modifiers == ConsoleModifiers.Control:
                cursor = line.Length;
                break;
            case ConsoleKey.Backspace when cursor > 0:
                line.Remove(--cursor, 1);
                break;
            case ConsoleKey.Delete when cursor < line.Length:
                line.Remove(cursor, 1);
                break;
            case ConsoleKey.U when key.Modifiers == ConsoleModifiers.Control:
                line.Remove(0, cursor);
                cursor = 0;
                break;
            default:
                if (!char.IsControl(key.KeyChar))
                    line.Insert(cursor++, key.KeyChar);
                break;
        }
    }

    private void ShowEntry(int index)
    {
        if (index < 0 || index > history.Lines.Count)
            return;
        shownEntry = index;
        line.Clear();
        if (index < history.Lines.Count)
            line.Append(history.Lines[index]);
        cursor = line.Length;
    }

    private void Complete()
    {
        var before = line.ToString(0, cursor);
        var found = complete(before);
        if (found.Count == 0)
            return;
        var start = before.LastIndexOfAny([' ', '\t']) + 1;
        var common = Completion.CommonStart(found);
        if (found.Count > 1 && common.Length <= cursor - start)
        {
            PrintAbove(string.Join("  ", found.Select(w => w.TrimEnd())));
            return;
        }

        line.Remove(start, cursor - start).Insert(start, common);
        cursor = start + common.Length;
    }

    private void PrintAbove(string text)
    {
        Console.Write($"\r\u001b[K{text}\n");
        Draw();
    }

    private void Draw()
    {
        Console.Write($"\r\u001b[K{prompt}{line}");
        if (cursor < line.Length)
            Console.Write($"\u001b[{line.Length - cursor}D");
    }
}
