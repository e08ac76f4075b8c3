namespace BlockUring.Qmp.Commands.Chardevs;

/// <summary>Arguments of chardev-remove and chardev-send-break.</summary>
/// <param name="Id">Names the device.</param>
internal sealed record ChardevIdArguments(string Id);
