namespace BlockUring.Cli.Img;

/// <summary>A subcommand whose options fill settings; the table is the single source for parsing and for the help.</summary>
/// <typeparam name="TSettings">What the options set.</typeparam>
internal abstract class ConfiguredCommand<TSettings> : ImgCommand
    where TSettings : CommonSettings, new()
{
    private const int HelpColumn = 38;

    /// <summary>The options.</summary>
    protected abstract IReadOnlyList<ImgOption<TSettings>> Options { get; }

    /// <summary>The operands as the help shows them: "FILENAME [SIZE]".</summary>
    protected abstract string OperandHelp { get; }

    /// <inheritdoc/>
    public override int Run(ImgContext context, IReadOnlyList<string> words) =>
        Parse(context, words, out var exitCode) is { } parsed ? Run(context, parsed.Settings, parsed.Operands) : exitCode;

    /// <summary>Reads the options.</summary>
    /// <param name="context">What they are read in.</param>
    /// <param name="words">The command line from the subcommand's name on.</param>
    /// <param name="exitCode">Where nothing is to be run: the exit code.</param>
    /// <returns>Settings and operands, or null when the help has been shown.</returns>
    internal (TSettings Settings, IReadOnlyList<string> Operands)? Parse(ImgContext context, IReadOnlyList<string> words, out int exitCode)
    {
        exitCode = 0;
        var settings = new TSettings { Context = context };
        var scanner = new OptionScanner(words, Options);
        while (true)
        {
            switch (scanner.Next())
            {
                case OptionScanner.Kind.End:
                    return (settings, scanner.Operands);
                case OptionScanner.Kind.Unknown:
                    exitCode = RefuseUnknown(context, scanner);
                    return null;
                case OptionScanner.Kind.MissingValue:
                    exitCode = RefuseMissing(context, scanner);
                    return null;
            }

            Options[scanner.Option].Apply(settings, scanner.Value);
            if (settings.ShowsHelp)
            {
                exitCode = PrintHelp(context);
                return null;
            }
        }
    }

    /// <summary>Runs it with all options read.</summary>
    protected abstract int Run(ImgContext context, TSettings settings, IReadOnlyList<string> operands);

    /// <summary>Answers an option that does not exist.</summary>
    protected virtual int RefuseUnknown(ImgContext context, OptionScanner scanner) =>
        throw CommandFailure.Usage($"unrecognized option '{scanner.WordBefore}'");

    /// <summary>Answers an option whose value is missing.</summary>
    protected virtual int RefuseMissing(ImgContext context, OptionScanner scanner) =>
        throw CommandFailure.Usage($"missing argument for option '{scanner.WordBefore}'");

    /// <summary>Prints the options and what they mean.</summary>
    protected int PrintHelp(ImgContext context)
    {
        context.Out.Write($"{Summary}\nUsage: {context.HelpCommand} {Name} [options] {OperandHelp}\nOptions:\n");
        foreach (var option in Options)
            context.Out.Write($"  {option.Spelling.PadRight(HelpColumn - 3)} {option.Help}\n");
        return 0;
    }
}
