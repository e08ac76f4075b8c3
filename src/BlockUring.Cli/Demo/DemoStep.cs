namespace BlockUring.Cli.Demo;

/// <summary>One conversion of the demonstration.</summary>
/// <param name="Title">What it shows.</param>
/// <param name="Source">File name of the source, in the demonstration's folder.</param>
/// <param name="SourceFormat">Its format.</param>
/// <param name="Target">File name of the target.</param>
/// <param name="TargetFormat">Its format.</param>
/// <param name="Options">Further words of the command line.</param>
internal sealed record DemoStep(string Title, string Source, string SourceFormat, string Target, string TargetFormat, params string[] Options);
