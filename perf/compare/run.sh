#!/usr/bin/env bash
# Times blockuring img convert and backup jobs against qemu-img, nbdcopy and qemu-storage-daemon.
# Usage: bash perf/compare/run.sh [--binary FILE] [options]; --help lists them.
# Without --binary (or --self-check) it publishes the native binary first.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

needs_binary=true
for argument in "$@"; do
    case $argument in
        --binary | --binary=* | --binary:* | --self-check | --help | -h | '-?' | --version) needs_binary=false ;;
    esac
done

if $needs_binary; then
    dotnet publish src/BlockUring.Cli -c Release -o "$work/binary" -v quiet -nologo
    set -- --binary "$work/binary/blockuring" "$@"
fi

dotnet publish perf/compare -c Release -o "$work/compare" -v quiet -nologo
dotnet "$work/compare/blockuring-compare.dll" "$@"
