using System.Text;

namespace BlockUring.Qmp.Hmp.QemuIo;

/// <summary>The requests to one node that run on while commands go on, and what they have had to say since somebody asked.</summary>
internal sealed class QemuIoRequests
{
    private readonly StringBuilder said = new();
    private readonly Signal ended = new();

    /// <summary>How many are in flight.</summary>
    public int RunningCount { get; private set; }

    /// <summary>A request begins.</summary>
    public void Begin() => RunningCount++;

    /// <summary>A request has ended.</summary>
    public void End(StringBuilder output)
    {
        RunningCount--;
        said.Append(output);
        ended.Raise();
    }

    /// <summary>Waits until none is in flight.</summary>
    public async ValueTask WaitAsync()
    {
        while (RunningCount > 0)
            await ended.WaitAsync();
    }

    /// <summary>What was said, once.</summary>
    public string Take()
    {
        var text = said.ToString();
        said.Clear();
        return text;
    }
}
