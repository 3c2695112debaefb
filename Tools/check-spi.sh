#!/usr/bin/env bash
# Everything we take from the Swift runtime's private interface stands in one file.

source "$(dirname "$0")/check-common.sh"

findings=$(
    files_named '*.swift' Sources | split_lines | awk -F '\t' '
        $1 != "Sources/AsyncCore/Loop/RuntimeSPI.swift" && $3 ~ /@_spi/ {
            print $1 ":" $2 ": @_spi outside Sources/AsyncCore/Loop/RuntimeSPI.swift"
        }'
)
verdict spi "Layers" "$findings"
