#!/usr/bin/env bash
# Every Swift file has the layout, and every public declaration the documentation, that
# .swift-format asks for (Tests, Examples, Benchmarks and Fuzzing have their own, laxer, .swift-format).

source "$(dirname "$0")/check-common.sh"

files=$(files_named '*.swift' Sources Tests Examples Benchmarks Fuzzing)
findings=$(
    { [ ! -f Package.swift ] || echo Package.swift; [ -z "$files" ] || echo "$files"; } |
        tr '\n' '\0' | xargs -0 -r "${SWIFT:-swift}" format lint --strict --parallel 2>&1
) || findings="${findings:-swift format failed and said nothing}"
verdict format "How it looks" "$findings"
