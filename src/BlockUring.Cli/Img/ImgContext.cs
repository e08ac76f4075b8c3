using BlockUring.Cli.Output;
using BlockUring.Images;
using BlockUring.Images.Encryption;

namespace BlockUring.Cli.Img;

/// <summary>What a subcommand runs in.</summary>
/// <param name="Output">The standard streams.</param>
/// <param name="ProgramName">The name before messages: "qemu-img" or "blockuring".</param>
/// <param name="HelpCommand">What shows the help when followed by --help: "qemu-img" or "blockuring img".</param>
internal sealed record ImgContext(CommandOutput Output, string ProgramName, string HelpCommand)
{
    /// <summary>The clock for measured times.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Decides which files named inside images may be opened.</summary>
    public OpenGate Gate { get; init; } = OpenGate.AllowAll;

    /// <summary>Definitions given by --object, in order.</summary>
    public List<ObjectDefinition> Objects { get; } = [];

    /// <summary>The secrets among them.</summary>
    public SecretSource Secrets => id => Objects.Find(o => o.Id == id)?.Content ?? throw SecretAccess.Missing(id);

    /// <summary>Defines an object.</summary>
    /// <exception cref="CommandFailure">The definition is wrong.</exception>
    public void AddObject(string definition)
    {
        var added = ObjectDefinition.Parse(definition, Secrets);
        if (Objects.Exists(o => o.Id == added.Id))
            throw new CommandFailure($"attempt to add duplicate property '{added.Id}' to object (type 'container')");
        Objects.Add(added);
    }

    /// <summary>What TLS credentials are made of; empty where there are none to be made.</summary>
    public IEnumerable<string> TlsObjects => Objects.Exists(o => o.Content == null) ? Objects.Select(o => o.Text) : [];

    /// <summary>Standard output.</summary>
    public TextWriter Out => Output.Out;

    /// <summary>Prints one message on standard error.</summary>
    public void Report(string message) => Output.Report(ProgramName, message);

    /// <summary>Prints a warning on standard error; one that brings its own "WARNING:" or "qcow2:" is printed as it is, as qemu-img does.</summary>
    public void Warn(string message)
    {
        if (message.StartsWith("WARNING:", StringComparison.Ordinal) || message.StartsWith("qcow2: Marking", StringComparison.Ordinal))
            Output.Error.Write(message + "\n");
        else
            Report("warning: " + message);
    }
}
