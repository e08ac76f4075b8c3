namespace BlockUring.Cli.Output;

/// <summary>Lines that overwrite each other, byte for byte as qemu-img's.</summary>
internal sealed class LineProgress : ProgressReport
{
    private readonly TextWriter output;

    public LineProgress(float minSkip, TextWriter output)
        : base(minSkip, output) => this.output = output;

    protected override void Show()
    {
        output.Write(Line(Current, '\r'));
        output.Flush();
    }

    protected override void End() => output.Write('\n');
}
