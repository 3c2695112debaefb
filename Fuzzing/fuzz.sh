#!/usr/bin/env bash
# Builds the fuzz targets, and runs them: Fuzzing/fuzz.sh build | regress | run | merge [TARGET...]
#
#   build    builds what the other commands run; they do it themselves
#   regress  tries each input of the corpora once
#   run      looks for new inputs, FUZZ_SECONDS for each target, one target after the other
#   merge    takes into the corpora what runs have found, as far as it reaches code that is new to them
#
# An input that crashes, leaks or takes too long fails the command; a run keeps it in Fuzzing/Findings.

set -euo pipefail
export LC_ALL=C
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly swift=${SWIFT:-swift}
readonly seconds=${FUZZ_SECONDS:-600}
readonly scratch=.build-fuzz
readonly findings=Fuzzing/Findings
# A new input is a few hundred bytes long, and takes far below a second.
readonly limits=(-max_len=600 -timeout=10 -rss_limit_mb=2048)

# Swift's own backtraces can wait for ever in a sanitised process; the sanitizers print stacks.
export SWIFT_BACKTRACE=enable=no
export ASAN_OPTIONS="detect_stack_use_after_return=1:${ASAN_OPTIONS:-}"

# Everything is optimised, and instrumented for both, the library and its C side too. `--sanitize`
# cannot say that: given twice, it forgets the coverage. libFuzzer comes without its `main`, whose
# place Swift's takes, and with the C++ library that Swift's own needs, too.
build() {
    local clang runtime
    clang=$(dirname "$(readlink -f "$(command -v "$swift")")")/clang
    runtime=$("$clang" -print-file-name="libclang_rt.fuzzer_no_main-$(uname -m).a")
    [ -f "$runtime" ] || { echo "no libFuzzer beside $clang"; exit 1; }
    "$swift" build -c release --package-path Fuzzing --scratch-path "$scratch" \
        -Xswiftc -enable-testing -Xswiftc -sanitize=address \
        -Xswiftc -Xfrontend -Xswiftc -sanitize=fuzzer,address \
        -Xcc -fsanitize=fuzzer-no-link,address -Xcc -fno-omit-frame-pointer \
        -Xlinker "$runtime" -Xlinker -l:libstdc++.so.6
}

# program TARGET ARGUMENT...
program() {
    local target=$1
    shift
    "$scratch/release/$target" "${limits[@]}" -artifact_prefix="$findings/$target-" "$@"
}

# The lines of a log that are for people.
summary() { grep -aE 'ERROR|SUMMARY|Fatal|Test unit|DONE|INITED|executed' | tail -n 20; }

regress() {
    program "$1" "Fuzzing/Corpus/$1"/* >"$scratch/$1.log" 2>&1 || {
        grep -a '^Running: ' "$scratch/$1.log" | tail -n 1
        summary <"$scratch/$1.log"
        return 1
    }
    echo "ok    $1: $(find "Fuzzing/Corpus/$1" -type f | wc -l) inputs"
}

run() {
    local dictionary=()
    [ ! -f "Fuzzing/Dictionaries/$1.dict" ] || dictionary=("-dict=Fuzzing/Dictionaries/$1.dict")
    mkdir -p "$scratch/corpus/$1"
    echo "==> $1: $seconds s"
    program "$1" -max_total_time="$seconds" -print_final_stats=1 "${dictionary[@]}" \
        "$scratch/corpus/$1" "Fuzzing/Corpus/$1" >"$scratch/$1.log" 2>&1 || {
        summary <"$scratch/$1.log"
        return 1
    }
    summary <"$scratch/$1.log"
}

# By edges alone: how often each is gone through makes ten times as many inputs.
merge() {
    mkdir -p "$scratch/corpus/$1"
    program "$1" -set_cover_merge=1 -use_counters=0 "Fuzzing/Corpus/$1" "$scratch/corpus/$1" \
        >"$scratch/$1.log" 2>&1 || return 1
    echo "$1: $(find "Fuzzing/Corpus/$1" -type f | wc -l) inputs"
}

command=${1:-}
shift || true
targets=("$@")
if [ ${#targets[@]} -eq 0 ]; then
    for folder in Fuzzing/Corpus/*; do targets+=("$(basename "$folder")"); done
fi

case "$command" in
build) build ;;
regress | run | merge)
    build
    mkdir -p "$findings"
    failed=()
    for target in "${targets[@]}"; do "$command" "$target" || failed+=("$target"); done
    if [ ${#failed[@]} -gt 0 ]; then
        echo "FAIL  ${failed[*]}: see $scratch/TARGET.log, and Fuzzing/README.md"
        exit 1
    fi
    ;;
*)
    sed -n '2,9s/^# \{0,1\}//p' "$0"
    exit 2
    ;;
esac
