namespace BlockUring.Cli.Img;

/// <summary>What `img snapshot` is told.</summary>
internal sealed class SnapshotSettings : CommonSettings
{
    /// <summary>'l', 'c', 'a' or 'd'; null for none.</summary>
    public char? Action { get; private set; }

    /// <summary>The snapshot's name, or what it is looked up by.</summary>
    public string Snapshot { get; private set; } = "";

    /// <summary>Takes an action.</summary>
    /// <exception cref="CommandFailure">There is one already.</exception>
    public void SetAction(char action, string snapshot)
    {
        if (Action != null)
            throw CommandFailure.Usage("Cannot mix '-l', '-a', '-c', '-d'");
        (Action, Snapshot) = (action, snapshot);
    }
}
