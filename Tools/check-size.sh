#!/usr/bin/env bash
# A source file above 400 lines says why in its opening comment ("Size: ..."); none passes 600.

source "$(dirname "$0")/check-common.sh"

findings=$(
    for pattern in '*.swift' '*.[ch]'; do
        files_named "$pattern" Sources Tests Examples Benchmarks Fuzzing
    done | while read -r path; do
        lines=$(wc -l <"$path")
        if [ "$lines" -gt 600 ]; then
            echo "$path:1: $lines lines; 600 is the most"
        elif [ "$lines" -gt 400 ] && ! sed -n 1,60p "$path" | grep -qE '^ *(//|/?\*).*Size:'; then
            echo "$path:1: $lines lines and no \"Size:\" line in its opening comment"
        fi
    done
)
verdict size "How it looks" "$findings"
