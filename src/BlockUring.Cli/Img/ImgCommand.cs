namespace BlockUring.Cli.Img;

/// <summary>A subcommand of `img`.</summary>
internal abstract class ImgCommand
{
    /// <summary>The word on the command line.</summary>
    public abstract string Name { get; }

    /// <summary>One line for the list of subcommands.</summary>
    public abstract string Summary { get; }

    /// <summary>Runs it.</summary>
    /// <param name="context">What it runs in.</param>
    /// <param name="words">The command line from the subcommand's name on.</param>
    /// <returns>The exit code.</returns>
    public abstract int Run(ImgContext context, IReadOnlyList<string> words);
}
