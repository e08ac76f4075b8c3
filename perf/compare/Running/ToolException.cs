namespace BlockUring.Compare.Running;

/// <summary>A preparing or checking command failed; the message names the command and its first line of output.</summary>
internal sealed class ToolException(string message, Exception? inner = null) : Exception(message, inner);
