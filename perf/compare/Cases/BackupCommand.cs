using System.Globalization;

namespace BlockUring.Compare.Cases;

/// <summary>
/// A storage daemon from start to end: it opens both images, runs one backup job over QMP on its standard streams, and quits. The same for
/// both programs, O_DIRECT on both images.
/// </summary>
internal static class BackupCommand
{
    private const string Script =
        """
        source_format=$1 source=$2 target_format=$3 target=$4 bytes=$5
        shift 5
        [ "$target_format" = raw ] && [ -b "$target" ] || qemu-img create -q -f "$target_format" "$target" "$bytes" || exit 1
        node() {
            local protocol=file
            [ -b "$3" ] && protocol=host_device
            echo "{'node-name':'$1','driver':'$2','cache':{'direct':true},
                'file':{'driver':'$protocol','filename':'$3','aio':'native','cache':{'direct':true}}}"
        }
        coproc daemon { exec "$@" --chardev stdio,id=c --monitor c \
            --blockdev "$(node s "$source_format" "$source")" --blockdev "$(node t "$target_format" "$target")"; }
        exec 3<&"${daemon[0]}" 4>&"${daemon[1]}"
        echo '{"execute":"qmp_capabilities"}' >&4
        echo '{"execute":"blockdev-backup","arguments":{"job-id":"j","device":"s","target":"t","sync":"full"}}' >&4
        while read -r line <&3; do
            case $line in
                *'"error"'*) echo "$line" >&2; exit 1 ;;
                *BLOCK_JOB_COMPLETED*) break ;;
            esac
        done
        echo '{"execute":"quit"}' >&4
        cat <&3 >/dev/null
        wait
        """;

    /// <summary>The command line.</summary>
    /// <param name="daemon">The program and its first words.</param>
    /// <param name="source">What is backed up.</param>
    /// <param name="sourcePath">Where it is.</param>
    /// <param name="targetFormat">Made before the daemon starts, inside the measured time, unless it is a device and raw.</param>
    /// <param name="targetPath">Where.</param>
    public static IReadOnlyList<string> Make(
        IReadOnlyList<string> daemon, SourceImage source, string sourcePath, string targetFormat, string targetPath) =>
    [
        "bash", "-c", Script, "backup", source.Format, sourcePath, targetFormat, targetPath,
        source.GuestBytes.ToString(CultureInfo.InvariantCulture), .. daemon,
    ];
}
