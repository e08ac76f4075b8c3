namespace BlockUring.Qmp.Objects;

/// <summary>Finds objects by path.</summary>
internal static class QomPath
{
    /// <summary>The tree of all objects.</summary>
    public static QomNode TreeOf(MonitorContext context) => new QomContainer(
        "",
        "",
        [
            .. context.Objects.WasUsed ? new[] { new QomContainer("objects", "", context.Objects.All) } : [],
            new QomContainer("chardevs", "", context.Chardevs.Select(c => new ChardevNode(c))),
        ]);

    /// <summary>Finds an object: by an absolute path, or by an end of its path that no other has.</summary>
    /// <exception cref="QmpException">There is none, or several.</exception>
    public static QomNode Resolve(QomNode root, string path)
    {
        var names = path.Split('/', StringSplitOptions.RemoveEmptyEntries);
        if (path.StartsWith('/'))
            return Walk(root, names) ?? throw NotFound(path);
        var found = Descendants(root).Select(n => Walk(n, names)).OfType<QomNode>().Take(2).ToList();
        return found.Count switch
        {
            0 => throw NotFound(path),
            1 => found[0],
            _ => throw new QmpException($"Path '{path}' is ambiguous"),
        };
    }

    private static QomNode? Walk(QomNode? node, string[] names)
    {
        foreach (var name in names)
            node = node?.Children.FirstOrDefault(c => c.Id == name);
        return node;
    }

    private static IEnumerable<QomNode> Descendants(QomNode node) => node.Children.SelectMany(Descendants).Prepend(node);

    private static QmpException NotFound(string path) => new($"Device '{path}' not found", QmpErrorClass.DeviceNotFound);
}
