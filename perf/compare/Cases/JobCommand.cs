using System.Globalization;

namespace BlockUring.Compare.Cases;

/// <summary>
/// A storage daemon from start to end: it opens both images, runs one job over QMP on its standard streams, completes it when it is ready, and
/// quits. The same for both programs, O_DIRECT on both images.
/// </summary>
internal static class JobCommand
{
    private const string Script =
        """
        job=$1 source_format=$2 source=$3 target_format=$4 target=$5 bytes=$6
        shift 6
        [ "$target_format" = raw ] && [ -b "$target" ] || qemu-img create -q -f "$target_format" "$target" "$bytes" || exit 1
        node() {
            local protocol=file
            [ -b "$3" ] && protocol=host_device
            echo "{'node-name':'$1','driver':'$2','cache':{'direct':true},$4
                'file':{'driver':'$protocol','filename':'$3','aio':'native','cache':{'direct':true}}}"
        }
        top=$(node s "$source_format" "$source")
        bottom=$(node t "$target_format" "$target")
        if [ $job = active-commit ]; then
            # All of it goes into an empty base, which it shows through to from now on.
            top=$(node s "$source_format" "$source" "'backing':'t',")
        fi
        coproc daemon { exec "$@" --chardev stdio,id=c --monitor c \
            --blockdev "$bottom" --blockdev "$top"; }
        exec 3<&"${daemon[0]}" 4>&"${daemon[1]}"
        echo '{"execute":"qmp_capabilities"}' >&4
        case $job in
            active-commit) echo '{"execute":"block-commit","arguments":{"job-id":"j","device":"s","base-node":"t"}}' >&4 ;;
            *) echo '{"execute":"blockdev-'$job'","arguments":{"job-id":"j","device":"s","target":"t","sync":"full"}}' >&4 ;;
        esac
        while read -r line <&3; do
            case $line in
                *'"error"'*) echo "$line" >&2; exit 1 ;;
                *BLOCK_JOB_READY*) echo '{"execute":"job-complete","arguments":{"id":"j"}}' >&4 ;;
                *BLOCK_JOB_COMPLETED*) break ;;
            esac
        done
        echo '{"execute":"quit"}' >&4
        cat <&3 >/dev/null
        wait
        """;

    /// <summary>The command line.</summary>
    /// <param name="job">"backup", "mirror" or "active-commit".</param>
    /// <param name="daemon">The program and its first words.</param>
    /// <param name="source">What is copied.</param>
    /// <param name="sourcePath">Where it is.</param>
    /// <param name="targetFormat">Made before the daemon starts, inside the measured time, unless it is a device and raw.</param>
    /// <param name="targetPath">Where.</param>
    public static IReadOnlyList<string> Make(
        string job, IReadOnlyList<string> daemon, SourceImage source, string sourcePath, string targetFormat, string targetPath) =>
    [
        "bash", "-c", Script, "job", job, source.Format, sourcePath, targetFormat, targetPath,
        source.GuestBytes.ToString(CultureInfo.InvariantCulture), .. daemon,
    ];
}
