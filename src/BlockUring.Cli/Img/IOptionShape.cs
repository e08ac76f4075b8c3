namespace BlockUring.Cli.Img;

/// <summary>What the scanner needs to know of an option.</summary>
internal interface IOptionShape
{
    /// <summary>The letter, or '\0'.</summary>
    char Short { get; }

    /// <summary>The long names separated by '|', without dashes; empty for none.</summary>
    string Names { get; }

    /// <summary>Whether a value follows.</summary>
    bool TakesValue { get; }
}
