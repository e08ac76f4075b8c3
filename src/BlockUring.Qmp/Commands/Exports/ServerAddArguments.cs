namespace BlockUring.Qmp.Commands.Exports;

/// <summary>Arguments of nbd-server-add ("NbdServerAddOptions").</summary>
/// <param name="Device">The node.</param>
/// <param name="Name">What clients ask for, and the id; the node's name where it is not given.</param>
/// <param name="Description">For people.</param>
/// <param name="Writable">Whether clients may write, where the node can be written.</param>
/// <param name="Bitmap">A bitmap that clients may ask for.</param>
internal sealed record ServerAddArguments(
    string Device, string? Name = null, string? Description = null, bool? Writable = null, string? Bitmap = null);
