namespace BlockUring.Qmp;

/// <summary>A command's failure: the answer to the client.</summary>
public sealed class QmpException : Exception
{
    /// <summary>Makes an error.</summary>
    /// <param name="message">The whole message.</param>
    /// <param name="errorClass">What clients tell apart.</param>
    public QmpException(string message, QmpErrorClass errorClass = QmpErrorClass.GenericError)
        : base(message) => Class = errorClass;

    /// <summary>What clients tell apart.</summary>
    public QmpErrorClass Class { get; }
}
