namespace BlockUring.Compare.Cases;

/// <summary>
/// A storage daemon from start to end: it opens an overlay of the source, fills it with one stream job over QMP on its standard streams, and quits.
/// The same for both programs, O_DIRECT on both images.
/// </summary>
internal static class StreamCommand
{
    private const string Script =
        """
        source_format=$1 source=$2 target=$3
        shift 3
        qemu-img create -q -f qcow2 -b "$source" -F "$source_format" "$target" || exit 1
        file() {
            local protocol=file
            [ -b "$1" ] && protocol=host_device
            echo "'cache':{'direct':true},'file':{'driver':'$protocol','filename':'$1','aio':'native','cache':{'direct':true}}"
        }
        coproc daemon { exec "$@" --chardev stdio,id=c --monitor c \
            --blockdev "{'node-name':'s','driver':'$source_format','read-only':true,$(file "$source")}" \
            --blockdev "{'node-name':'t','driver':'qcow2','backing':'s',$(file "$target")}"; }
        exec 3<&"${daemon[0]}" 4>&"${daemon[1]}"
        echo '{"execute":"qmp_capabilities"}' >&4
        echo '{"execute":"block-stream","arguments":{"job-id":"j","device":"t"}}' >&4
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
    /// <param name="source">What the overlay is put over, and filled from.</param>
    /// <param name="sourcePath">Where it is.</param>
    /// <param name="targetPath">The overlay, made before the daemon starts, inside the measured time.</param>
    public static IReadOnlyList<string> Make(IReadOnlyList<string> daemon, SourceImage source, string sourcePath, string targetPath) =>
        ["bash", "-c", Script, "stream", source.Format, sourcePath, targetPath, .. daemon];
}
