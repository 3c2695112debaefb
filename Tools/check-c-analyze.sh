#!/usr/bin/env bash
# The C sources pass clang's static analyser. It is the clang of the Swift toolchain.

source "$(dirname "$0")/check-common.sh"

swift=$(command -v "${SWIFT:-swift}")
clang=$(dirname "$(readlink -f "$swift")")/clang
[ -x "$clang" ] || clang=$(dirname "$swift")/clang
[ -x "$clang" ] || verdict c-analyze "Check" "no clang beside $swift"

findings=$(
    files_named '*.c' Sources | while read -r path; do
        "$clang" --analyze --analyzer-output text -o /dev/null -Wall -Wextra \
            -std=c17 -D_GNU_SOURCE -I "$(dirname "$path")/include" "$path" 2>&1 ||
            echo "$path:1: clang failed"
    done
)
verdict c-analyze "How it looks" "$findings"
