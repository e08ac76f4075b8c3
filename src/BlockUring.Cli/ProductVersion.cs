namespace BlockUring.Cli;

/// <summary>The versions that the programs state.</summary>
internal static class ProductVersion
{
    /// <summary>This product's version.</summary>
    public const string Own = "0.1.0";

    /// <summary>The version of qemu-img whose command line is followed; scripts compare it.</summary>
    public const string Compatible = "7.2.22";
}
