using BlockUring.Storage;

namespace BlockUring.Images.Encryption;

/// <summary>Finds passwords and keys by the names that options give them.</summary>
/// <param name="id">The name.</param>
/// <returns>The bytes; not to be changed.</returns>
/// <exception cref="BlockException">There is none of that name.</exception>
public delegate byte[] SecretSource(string id);
