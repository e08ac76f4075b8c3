using System.Globalization;

namespace BlockUring.Compare.Cases;

/// <summary>
/// A storage daemon from start to end: it opens a base, the source as an overlay on it and an empty disk over that, commits the source into the
/// base over QMP on its standard streams, and quits. The same for both programs, O_DIRECT on the images that are moved.
/// </summary>
internal static class CommitCommand
{
    private const string Script =
        """
        source=$1 target_format=$2 target=$3 bytes=$4
        shift 4
        [ "$target_format" = raw ] && [ -b "$target" ] || qemu-img create -q -f "$target_format" "$target" "$bytes" || exit 1
        disk=$(mktemp) || exit 1
        trap 'rm -f "$disk"' EXIT
        qemu-img create -q -f qcow2 "$disk" "$bytes" || exit 1
        file() {
            local protocol=file
            [ -b "$1" ] && protocol=host_device
            echo "'file':{'driver':'$protocol','filename':'$1','aio':'native','cache':{'direct':true}},'cache':{'direct':true},'read-only':true"
        }
        coproc daemon { exec "$@" --chardev stdio,id=c --monitor c \
            --blockdev "{'node-name':'base','driver':'$target_format',$(file "$target")}" \
            --blockdev "{'node-name':'top','driver':'qcow2','backing':'base',$(file "$source")}" \
            --blockdev "{'node-name':'disk','driver':'qcow2','backing':'top','file':{'driver':'file','filename':'$disk'}}"; }
        exec 3<&"${daemon[0]}" 4>&"${daemon[1]}"
        echo '{"execute":"qmp_capabilities"}' >&4
        echo '{"execute":"block-commit","arguments":{"job-id":"j","device":"disk","top-node":"top","base-node":"base"}}' >&4
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
    /// <param name="source">What is committed; a qcow2 image without a backing file of its own.</param>
    /// <param name="sourcePath">Where it is.</param>
    /// <param name="targetFormat">Of the base; made before the daemon starts, inside the measured time, unless it is a device and raw.</param>
    /// <param name="targetPath">Where.</param>
    public static IReadOnlyList<string> Make(
        IReadOnlyList<string> daemon, SourceImage source, string sourcePath, string targetFormat, string targetPath) =>
    [
        "bash", "-c", Script, "commit", sourcePath, targetFormat, targetPath, source.GuestBytes.ToString(CultureInfo.InvariantCulture), .. daemon,
    ];
}
