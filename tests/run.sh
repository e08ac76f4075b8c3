#!/usr/bin/env bash
# Sets up what the tests need, builds everything with warnings as errors, checks the format, runs all tests, publishes the native binary
# and lets peers (qemu-img, qemu-io and others) judge what it reads and writes. Ends with the line "N passed, N failed, N skipped".
#
#   bash tests/run.sh             everything
#   bash tests/run.sh --quick     without the format check and without publishing: the peers judge the managed build
#
# BLOCKURING_FUZZ_COUNT=100000 makes the fuzz of hostile images longer; see the tests for further such variables.
# BLOCKURING_UPDATE_GOLDEN=1 writes the transcripts that the daemon is compared with anew, from what qemu-storage-daemon 7.2 answers.
set -uo pipefail
cd "$(dirname "$0")/.."

quick=0
[ "${1:-}" = --quick ] && quick=1
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 NO_COLOR=1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed_steps=0

# The test programs are started by their own executables, since some start themselves again as somebody else, who has no home directory.
DOTNET_ROOT=$(dirname "$(readlink -f "$(command -v dotnet)")")
export DOTNET_ROOT
export DOTNET_CLI_HOME="$work/home"
mkdir -p "$DOTNET_CLI_HOME" && chmod 777 "$work" "$DOTNET_CLI_HOME"

step() { printf '\n== %s\n' "$1"; }

# Peers and file systems. Without root, what is missing is skipped by the tests that need it, with the reason.
install_peers() {
    local missing=()
    need() { command -v "$1" >/dev/null 2>&1 || missing+=("$2"); }
    need qemu-img qemu-utils
    need qemu-storage-daemon qemu-system-common
    need nbdcopy libnbd-bin
    need nbdkit nbdkit
    need certtool gnutls-bin
    need mkfs.ext4 e2fsprogs
    need mkfs.xfs xfsprogs
    need mkfs.btrfs btrfs-progs
    need qemu-system-x86_64 qemu-system-x86
    need busybox busybox-static
    need losetup util-linux
    need mount mount
    need gcc gcc
    [ -e /usr/include/linux/io_uring.h ] || missing+=(linux-libc-dev)
    # NativeAOT links with clang, or with gcc where that is what there is, and against the C library's development files.
    [ -e /usr/include/stdio.h ] || missing+=(libc6-dev)
    [ ${#missing[@]} -eq 0 ] && return 0
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
        echo "not installed: ${missing[*]} (no root or no apt-get): the tests that need them are skipped"
        return 0
    fi
    echo "installing: ${missing[*]}"
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >"$work/apt.log" 2>&1 ||
        { tail -5 "$work/apt.log"; echo "some packages could not be installed: the tests that need them are skipped"; }
}

# A kernel for the guest that a test boots, unpacked and not installed.
fetch_guest_kernel() {
    [ -n "${BLOCKURING_GUEST:-}" ] && return 0
    local package
    package=$(apt-cache depends linux-image-cloud-amd64 2>/dev/null | grep -oE 'linux-image-[0-9][^ ]*' | head -1)
    if [ -n "$package" ] && (cd "$work" && apt-get download "$package" && dpkg -x "$package"_*.deb guest) >"$work/kernel.log" 2>&1; then
        export BLOCKURING_GUEST="$work/guest"
    else
        echo "no kernel package to be had: the test with a guest is skipped"
    fi
}

# Runs one test program: name, project, configuration, further options. Its counts go to $work/counts.
run_tests() {
    local name=$1 project=$2 configuration=$3 log="$work/$1.log"
    shift 3
    step "$name ($configuration) $*"
    "$project/bin/$configuration/net10.0/$name" -noLogo -noColor -parallelMode none "$@" >"$log" 2>&1
    local code=$?
    local line
    line=$(grep -E "^ *$name +Total:" "$log" | tail -1)
    if [ -z "$line" ]; then
        tail -40 "$log"
        echo "$name ended with code $code and printed no summary"
        echo "0 1 0" >>"$work/counts"
        return
    fi
    local total errors failed skipped
    total=$(sed -E 's/.*Total: ([0-9]+).*/\1/' <<<"$line")
    errors=$(sed -E 's/.*Errors: ([0-9]+).*/\1/' <<<"$line")
    failed=$(sed -E 's/.*Failed: ([0-9]+).*/\1/' <<<"$line")
    skipped=$(sed -E 's/.*Skipped: ([0-9]+).*/\1/' <<<"$line")
    if [ $((errors + failed)) -gt 0 ]; then
        grep -vE '^\s*(Starting|Finished|Discover)' "$log" | head -200
    fi
    grep -E '\[SKIP\]' -A1 "$log" | grep -vE '^--' | head -40
    echo "$line"
    echo "$((total - failed - skipped)) $((errors + failed)) $skipped" >>"$work/counts"
}

build_step() {
    step "$1"
    shift
    if ! "$@" >"$work/step.log" 2>&1; then
        tail -60 "$work/step.log"
        failed_steps=$((failed_steps + 1))
        return 1
    fi
    tail -2 "$work/step.log"
}

step "peers"
install_peers
fetch_guest_kernel

: >"$work/counts"
if build_step "build" dotnet build BlockUring.sln -nologo -v minimal; then
    if [ $quick = 0 ]; then
        # Style and analyzers are the build's.
        build_step "format" dotnet format whitespace BlockUring.sln --verify-no-changes --no-restore
        if build_step "publish" dotnet publish src/BlockUring.Cli -c Release -o "$work/publish" -nologo -v minimal; then
            export BLOCKURING="$work/publish/blockuring"
            if grep -E 'warning (IL|AOT)' "$work/step.log"; then
                failed_steps=$((failed_steps + 1))
            fi
            "$BLOCKURING" img --ring-info || failed_steps=$((failed_steps + 1))
        fi
    fi
    # What needs only a processor runs beside what waits for disks and peers.
    {
        run_tests BlockUring.Tests tests/BlockUring.Tests Debug
        run_tests BlockUring.Simulation tests/BlockUring.Simulation Debug
    } >"$work/portable.log" 2>&1 &
    portable=$!
    run_tests BlockUring.NativeTests native-tests/BlockUring.NativeTests Debug
    wait "$portable"
    cat "$work/portable.log"
    # Only optimised code is free of allocations: a debug build makes every state machine a class.
    if [ $quick = 0 ] && build_step "build for what needs optimised code" \
        dotnet build native-tests/BlockUring.NativeTests -c Release -nologo -v minimal; then
        run_tests BlockUring.NativeTests native-tests/BlockUring.NativeTests Release -class '*Allocation*'
        # Ten thousand sequences of random requests to images of all kinds, each judged by QEMU or made by it.
        BLOCKURING_SEEDS=${BLOCKURING_SEEDS:-5000} run_tests BlockUring.NativeTests native-tests/BlockUring.NativeTests Release -class '*OracleMatrix*'
    fi
    if [ -n "${BLOCKURING:-}" ]; then
        if build_step "demo" "$BLOCKURING" demo --size 64M; then
            echo "1 0 0" >>"$work/counts"
        fi
    fi
fi

printf '\n'
awk -v steps="$failed_steps" '{ p += $1; f += $2; s += $3 } END { printf "%d passed, %d failed, %d skipped\n", p, f + steps, s; exit f + steps > 0 || p == 0 }' "$work/counts"
