#!/usr/bin/env bash
# The C sources, and each public header on its own, pass the system compiler without a warning.

source "$(dirname "$0")/check-common.sh"

flags=(-std=c17 -D_GNU_SOURCE -Wall -Wextra -Werror -fsyntax-only)
findings=$(
    # CSwiftRuntime speaks Swift's calling convention, which only clang knows.
    files_named '*.c' Sources | grep -v CSwiftRuntime | while read -r path; do
        cc "${flags[@]}" -I "$(dirname "$path")/include" "$path" 2>&1 || echo "$path:1: cc failed"
    done
    files_named '*.h' Sources | grep '/include/' | grep -v CSwiftRuntime | while read -r path; do
        printf '#include "%s"\n' "$(basename "$path")" |
            cc "${flags[@]}" -I "$(dirname "$path")" -x c - 2>&1 ||
            echo "$path:1: cc failed on the header alone"
    done || true
)
verdict c-warnings "How it looks" "$findings"
