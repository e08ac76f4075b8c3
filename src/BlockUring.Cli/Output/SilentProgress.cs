namespace BlockUring.Cli.Output;

/// <summary>Says nothing unless asked by a signal.</summary>
internal sealed class SilentProgress(float minSkip, TextWriter error) : ProgressReport(minSkip, error)
{
    protected override void Show()
    {
    }

    protected override void End()
    {
    }
}
