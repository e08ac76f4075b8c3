using BlockUring.NativeTests.Images;
using Xunit;

namespace BlockUring.NativeTests.Img;

/// <summary>Encrypted images, of `luks` and in qcow2, between our `img` and QEMU's tools.</summary>
public sealed class EncryptionTests : IDisposable
{
    private const string Secret = "secret,id=s,data=open sesame";
    private const int Length = 1_500_160;

    private readonly TempFolder folder = new();

    public void Dispose() => folder.Dispose();

    // In LUKS the shortest derivation of keys; aes-192 alone fails in QEMU 7.2 ("Assertion `QEMU_IS_ALIGNED(len, sectorsize)'").
    [Theory]
    [InlineData("luks", "cipher-alg=aes-128,hash-alg=sha1")]
    [InlineData("luks", "cipher-alg=aes-192,hash-alg=sha512")]
    [InlineData("luks", "cipher-mode=cbc,ivgen-alg=essiv")]
    [InlineData("luks", "cipher-mode=ecb,ivgen-alg=plain")]
    [InlineData("luks", "cipher-alg=aes-128,cipher-mode=ctr,ivgen-alg=plain,ivgen-hash-alg=sha384")]
    [InlineData("qcow2", "format=luks")]
    [InlineData("qcow2", "format=luks,cipher-mode=cbc,ivgen-alg=essiv", "compat=0.10,cluster_size=512")]
    [InlineData("qcow2", "format=luks,cipher-alg=aes-128", "extended_l2=on,cluster_size=2M")]
    [InlineData("qcow2", "format=luks,cipher-mode=cbc,ivgen-alg=plain", "data_file=DATA")]
    [InlineData("qcow2", "format=aes")]
    public async Task Images_go_both_ways(string format, string encryption, string others = "")
    {
        var source = await RandomFileAsync("source", 1);
        var image = folder["image"];
        await ImgAsync(["convert", "-O", format, "-o", CreateOptions(format, encryption, others), source, image]);
        await SameAsync(true, source, format, image);
        await SameAsync(false, source, format, image);

        // Parts of sectors, written by the one and read by the other.
        foreach (var file in (string[])[Raw(source), Options(format, image)])
        {
            await Tool.RunAsync(
                "qemu-io", "--object", Secret, "--image-opts", "-c", "write -P 7 1000 70000", "-c", "write -z 300000 200001", file);
        }

        await SameAsync(true, source, format, image);
        var other = await RandomFileAsync("other", 2);
        await ImgAsync(["convert", "-n", "--image-opts", "--target-image-opts", Raw(other), Options(format, image)]);
        await SameAsync(false, other, format, image);
        if (format == "qcow2")
        {
            await Tool.RunAsync("qemu-img", "check", "--object", Secret, "--image-opts", Options(format, image));
            await ImgAsync(["check", "--image-opts", Options(format, image)]);
        }
    }

    [Theory]
    [InlineData("luks", "ivgen-hash-alg=sha1,hash-alg=sha512")]
    [InlineData("qcow2", "format=luks,cipher-mode=cbc,ivgen-alg=essiv")]
    [InlineData("qcow2", "format=aes")]
    public async Task What_the_peer_makes_is_shown_and_opened(string format, string encryption)
    {
        var source = await RandomFileAsync("source", 3);
        var image = folder["image"];
        await PeerAsync("convert", "--object", Secret, "-O", format, "-o", CreateOptions(format, encryption, ""), source, image);
        await SameAsync(true, source, format, image);
        foreach (var output in (string[])["human", "json"])
        {
            var (_, ours, _) = await Program.TryImgAsync("info", "--output", output, image);
            Assert.Equal(await Tool.RunAsync("qemu-img", "info", "--output", output, image), ours);
        }

        string[] map = ["map", "--output=json", "--object", Secret, "--image-opts", Options(format, image)];
        var (_, ourMap, _) = await Program.TryImgAsync(map);
        Assert.Equal(await Tool.RunAsync("qemu-img", map), ourMap);
        if (encryption != "format=aes")
            await FailsAlikeAsync("map", "--object", "secret,id=s,data=zork", "--image-opts", Options(format, image));
        await FailsAlikeAsync("map", image);
        await FailsAlikeAsync("map", "--image-opts", Options(format, image));
    }

    [Fact]
    public async Task An_overlay_copies_from_what_is_not_encrypted()
    {
        var source = await RandomFileAsync("base", 4);
        var image = folder["image"];
        await ImgAsync(["create", "-q", "-f", "qcow2", "-F", "raw", "-b", source, "-o", CreateOptions("qcow2", "format=luks", ""), image]);
        await SameAsync(false, source, "qcow2", image);
        await Tool.RunAsync("qemu-io", "--object", Secret, "--image-opts", "-c", "write -P 9 700 9", Options("qcow2", image));
        var expected = folder["expected"];
        File.Copy(source, expected);
        await Tool.RunAsync("qemu-io", "-f", "raw", "-c", "write -P 9 700 9", expected);
        await SameAsync(true, expected, "qcow2", image);
        await ImgAsync(["commit", "-q", "--image-opts", Options("qcow2", image)]);
        await SameAsync(false, expected, "qcow2", image);
        await Tool.RunAsync("qemu-img", "compare", "-f", "raw", "-F", "raw", source, expected);
    }

    [Theory]
    [InlineData("-f", "luks", "-o", "iter-time=1")]
    [InlineData("-f", "luks", "-o", "key-secret=zork")]
    [InlineData("-f", "luks", "-o", "key-secret=s,cipher-alg=zork")]
    [InlineData("-f", "luks", "-o", "key-secret=s,cipher-mode=zork")]
    [InlineData("-f", "luks", "-o", "key-secret=s,ivgen-alg=zork")]
    [InlineData("-f", "luks", "-o", "key-secret=s,hash-alg=zork")]
    [InlineData("-f", "luks", "-o", "key-secret=s,ivgen-alg=essiv,ivgen-hash-alg=sha1")]
    [InlineData("-f", "qcow2", "-o", "encrypt.format=luks")]
    [InlineData("-f", "qcow2", "-o", "encrypt.key-secret=s")]
    [InlineData("-f", "qcow2", "-o", "encrypt.format=zork,encrypt.key-secret=s")]
    [InlineData("-f", "qcow2", "-o", "encryption=on")]
    [InlineData("-f", "qcow2", "-o", "encryption=on,encrypt.format=luks,encrypt.key-secret=s")]
    [InlineData("-f", "qcow2", "-o", "encrypt.format=luks,encrypt.key-secret=s,encrypt.cipher-alg=zork")]
    [InlineData("-f", "luks", "--object", "secret,id=t,data=a,file=b", "-o", "key-secret=t")]
    [InlineData("-f", "luks", "--object", "secret,id=t", "-o", "key-secret=t")]
    [InlineData("-f", "luks", "--object", "secret,id=t,data=a,format=zork", "-o", "key-secret=t")]
    [InlineData("-f", "luks", "--object", "secret,id=t,file=/zork", "-o", "key-secret=t")]
    [InlineData("-f", "luks", "--object", "secret,id=t,data=x,zork=1", "-o", "key-secret=t")]
    [InlineData("-f", "luks", "--object", "secret,id=s,data=x", "-o", "key-secret=s")]
    [InlineData("-f", "luks", "--object", "secret,id=t,data=x,keyid=zork", "-o", "key-secret=t")]
    public Task Wrong_options_are_refused_in_the_peers_words(params string[] options) =>
        FailsAlikeAsync(["create", "-q", "--object", Secret, .. options, folder["image"], "1M"]);

    [Theory]
    [InlineData("luks", "cipher-alg=serpent-256", "Unsupported cipher algorithm serpent-256 with xts mode")]
    [InlineData("luks", "hash-alg=ripemd160", "PBKDF does not support hash algorithm ripemd160")]
    public async Task What_the_platform_has_not_is_refused(string format, string encryption, string message)
    {
        var error = await Program.FailAsync(
            "create", "-q", "--object", Secret, "-f", format, "-o", CreateOptions(format, encryption, ""), folder["image"], "1M");
        Assert.Contains(message, error);
        Assert.False(File.Exists(folder["image"]));
    }

    [Theory]
    [InlineData("luks", "")]
    [InlineData("qcow2", "format=luks,cipher-alg=aes-128")]
    [InlineData("qcow2", "format=aes")]
    public async Task Room_is_measured_as_the_peer_measures_it(string format, string encryption)
    {
        string[] words = ["measure", "--object", Secret, "-O", format, "-o", CreateOptions(format, encryption, ""), "--size", "5M"];
        var (_, ours, _) = await Program.TryImgAsync(words);
        Assert.Equal(await PeerAsync(words), ours);
    }

    [Theory]
    [InlineData("luks")]
    [InlineData("qcow2")]
    public async Task Passwords_are_given_and_taken_away(string format)
    {
        var prefix = format == "luks" ? "" : "encrypt.";
        var image = folder["image"];
        await ImgAsync(["create", "-q", "-f", format, "-o", CreateOptions(format, format == "luks" ? "" : "format=luks", ""), image, "1M"]);
        string[] amend = ["amend", "--object", Secret, "--object", "secret,id=t,data=other", "--image-opts", "-o"];
        string[] refused =
        [
            "keyslot=1",
            "state=zork",
            "state=active",
            "state=active,new-secret=t,old-secret=s",
            "state=active,new-secret=t,keyslot=8",
            "state=active,new-secret=t,keyslot=0",
            "state=active,new-secret=zork",
            "state=inactive",
            "state=inactive,keyslot=0",
            "state=inactive,keyslot=2",
            "state=inactive,old-secret=s",
            "state=inactive,old-secret=t",
        ];
        foreach (var options in refused)
            await FailsAlikeAsync([.. amend, prefix + options.Replace(",", "," + prefix, StringComparison.Ordinal), Options(format, image)]);
        await Program.ImgAsync([.. amend, $"{prefix}state=active,{prefix}new-secret=t,{prefix}iter-time=0", Options(format, image)]);
        var other = Options(format, image).Replace("key-secret=s", "key-secret=t", StringComparison.Ordinal);
        await Tool.RunAsync("qemu-img", "map", "--output=json", "--object", "secret,id=t,data=other", "--image-opts", other);
        await Program.ImgAsync([.. amend, $"{prefix}state=inactive,{prefix}old-secret=s", other]);
        await FailsAlikeAsync("map", "--object", Secret, "--image-opts", Options(format, image));
        await Tool.RunAsync("qemu-img", "map", "--output=json", "--object", "secret,id=t,data=other", "--image-opts", other);
        if (format == "qcow2")
            await Tool.RunAsync("qemu-img", "check", "--object", "secret,id=t,data=other", "--image-opts", other);
        await FailsAlikeAsync([.. amend, $"{prefix}state=inactive,{prefix}keyslot=1", other]);
        await Program.ImgAsync(["amend", "--force", .. amend[1..], $"{prefix}state=inactive,{prefix}keyslot=1", other]);
        await FailsAlikeAsync("map", "--object", "secret,id=t,data=other", "--image-opts", other);
    }

    [Fact]
    public async Task The_kernels_own_tool_opens_what_we_make()
    {
        var image = folder["image"];
        await ImgAsync(["create", "-q", "-f", "luks", "-o", CreateOptions("luks", "cipher-alg=aes-192,cipher-mode=cbc", ""), image, "1M"]);
        await File.WriteAllTextAsync(folder["password"], "open sesame");
        await Tool.RunAsync("cryptsetup", "luksDump", image);
        await Tool.RunAsync("cryptsetup", "open", "--test-passphrase", "--key-file", folder["password"], image);
    }

    private static Task ImgAsync(string[] words) => Program.ImgAsync([words[0], "--object", Secret, .. words[1..]]);

    // Where the kernel counts processor time in ticks, the peer cannot always measure how fast it derives keys.
    private static async Task<string> PeerAsync(params string[] words)
    {
        const int attempts = 8;
        for (var attempt = 1; ; attempt++)
        {
            var (exitCode, output, error) = await Tool.TryRunAsync("qemu-img", words);
            if (exitCode == 0)
                return output;
            Assert.True(attempt < attempts && error.Contains("Unable to get accurate CPU usage", StringComparison.Ordinal), error);
        }
    }

    private static string Raw(string path) => $"driver=raw,file.filename={path}";

    private static string Options(string format, string path) =>
        $"driver={format},{(format == "luks" ? "" : "encrypt.")}key-secret=s,file.filename={path}";

    private string CreateOptions(string format, string encryption, string others)
    {
        var prefix = format == "luks" ? "" : "encrypt.";
        string[] given = encryption == "format=aes" ? [encryption] : [encryption, "iter-time=1"];
        var options = given.SelectMany(o => o.Split(',', StringSplitOptions.RemoveEmptyEntries)).Append("key-secret=s").Select(o => prefix + o);
        return string.Join(',', options.Append(others.Replace("DATA", folder["data"], StringComparison.Ordinal))).TrimEnd(',');
    }

    private async Task<string> RandomFileAsync(string name, int seed)
    {
        var bytes = new byte[Length];
        new Random(seed).NextBytes(bytes);
        bytes.AsSpan(200_000, 300_000).Clear();
        await File.WriteAllBytesAsync(folder[name], bytes);
        return folder[name];
    }

    private static async Task SameAsync(bool isOurView, string raw, string format, string image)
    {
        string[] words = ["compare", "--object", Secret, "--image-opts", Raw(raw), Options(format, image)];
        var (exitCode, output, error) = isOurView ? await Program.TryImgAsync(words) : await Tool.TryRunAsync("qemu-img", words);
        Assert.True(exitCode == 0, $"{(isOurView ? "ours" : "theirs")}: {output}{error}");
    }

    private static async Task FailsAlikeAsync(params string[] words)
    {
        var (exitCode, _, error) = await Tool.TryRunAsync("qemu-img", words);
        Assert.Equal(1, exitCode);
        Assert.Equal(error.Replace("qemu-img: ", "blockuring: ", StringComparison.Ordinal), await Program.FailAsync(words));
    }
}
