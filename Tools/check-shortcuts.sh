#!/usr/bin/env bash
# The library never traps where it could have reported: no try!, as!, x! or T! in Sources.
# And nothing is left "for later": no TODO or FIXME anywhere in the code.

source "$(dirname "$0")/check-common.sh"

findings=$(
    files_named '*.swift' Sources | split_lines | awk -F '\t' '
        function found(what) { print $1 ":" $2 ": " what }
        $3 ~ /(^|[^A-Za-z0-9_])try!/ { found("try!"); next }
        $3 ~ /(^|[^A-Za-z0-9_])as!/ { found("as!"); next }
        $3 ~ /[])A-Za-z0-9_}>?"]!([^=]|$)/ { found("forced unwrap, or a type that unwraps itself") }'
    for pattern in '*.swift' '*.[ch]' '*.sh'; do
        files_named "$pattern" Sources Tests Examples Benchmarks Fuzzing
    done | tr '\n' '\0' | xargs -0 -r grep -HnwE 'TODO|FIXME' | sed -E 's/^([^:]*:[0-9]+):.*/\1: TODO or FIXME/' || true
)
verdict shortcuts "Errors" "$findings"
