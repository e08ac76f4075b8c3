using System.Text.Json;
using BlockUring.Images;

namespace BlockUring.Qmp.Commands.Jobs;

/// <summary>What a new qcow2 image is to be ("BlockdevCreateOptionsQcow2").</summary>
internal sealed record CreateQcow2Options(
    JsonElement File,
    ulong Size,
    JsonElement? DataFile = null,
    bool? DataFileRaw = null,
    bool? ExtendedL2 = null,
    string? Version = null,
    string? BackingFile = null,
    string? BackingFmt = null,
    ulong? ClusterSize = null,
    string? Preallocation = null,
    bool? LazyRefcounts = null,
    long? RefcountBits = null,
    string? CompressionType = null,
    JsonElement? Encrypt = null)
{
    /// <summary>Those that say what the image is like, as the format has them.</summary>
    public Dictionary<string, string> ToCreateOptions()
    {
        var options = new Dictionary<string, string>();
        Add("data_file_raw", Text(DataFileRaw));
        Add("extended_l2", Text(ExtendedL2));
        Add("compat", Version);
        Add("backing_file", BackingFile);
        Add("backing_fmt", BackingFmt);
        Add("cluster_size", ClusterSize?.ToString());
        Add("preallocation", Preallocation);
        Add("lazy_refcounts", Text(LazyRefcounts));
        Add("refcount_bits", RefcountBits?.ToString());
        Add("compression_type", CompressionType);
        foreach (var (name, value) in Encrypt is { } encrypt ? OptionTree.Of(encrypt).Values : new Dictionary<string, string>())
            Add("encrypt." + name, name == "format" && value == "qcow" ? "aes" : value);
        return options;

        void Add(string name, string? value)
        {
            if (value != null)
                options.Add(name, value);
        }
    }

    private static string? Text(bool? flag) => flag switch
    {
        null => null,
        true => "on",
        false => "off",
    };
}
