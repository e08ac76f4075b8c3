using BlockUring.Qmp.Channels;

namespace BlockUring.Qmp.Objects;

/// <summary>A character device as an object.</summary>
internal sealed class ChardevNode(Chardev chardev) : QomNode(QomType.Chardev, chardev.Label, "/chardevs");
