namespace BlockUring.Qmp.Objects;

/// <summary>Decides who is let in.</summary>
internal interface IAuthorization
{
    /// <summary>Whether a client of this name is: the subject of its certificate, or the user of a shared key.</summary>
    bool Allows(string name);
}
