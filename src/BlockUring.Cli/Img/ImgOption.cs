namespace BlockUring.Cli.Img;

/// <summary>One option of a subcommand: what the parser accepts and the help prints.</summary>
/// <typeparam name="TSettings">Where its value goes.</typeparam>
/// <param name="Short">The letter, or '\0'.</param>
/// <param name="Names">The long names separated by '|', the first one shown in the help; empty for none.</param>
/// <param name="ValueName">What the help calls the value; null for an option without one.</param>
/// <param name="Help">One line.</param>
/// <param name="Apply">Takes the value (empty for an option without one); throws <see cref="CommandFailure"/>.</param>
internal sealed record ImgOption<TSettings>(char Short, string Names, string? ValueName, string Help, Action<TSettings, string> Apply)
    : IOptionShape
{
    /// <inheritdoc/>
    public bool TakesValue => ValueName != null;

    /// <summary>The long name that the help shows, empty for none.</summary>
    public string LongName => Names.Split('|')[0];

    /// <summary>How the help writes it: "-f, --format FMT".</summary>
    public string Spelling
    {
        get
        {
            var text = Short == '\0' ? "    " : LongName.Length == 0 ? $"-{Short}" : $"-{Short}, ";
            if (LongName.Length > 0)
                text += "--" + LongName;
            return ValueName == null ? text : $"{text} {ValueName}";
        }
    }
}
