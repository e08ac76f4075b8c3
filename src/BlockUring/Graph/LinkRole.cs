namespace BlockUring.Graph;

/// <summary>What a node is to the one above it: decides which permissions pass the link.</summary>
public enum LinkRole
{
    /// <summary>Used from outside the graph, by a <see cref="NodeUser"/>, which states its permissions itself.</summary>
    Root,

    /// <summary>Holds a format's metadata, and its data.</summary>
    Storage,

    /// <summary>Holds a format's data alone (qcow2's external data file).</summary>
    Data,

    /// <summary>Shows through where the overlay has nothing.</summary>
    Backing,

    /// <summary>What a filter shows.</summary>
    Filtered,

    /// <summary>Receives what a copy-before-write filter saves.</summary>
    Target,
}
