#!/usr/bin/env bash
# Makes one Swift file of each page's examples, so that the compiler reads them, too.
#
#   Tools/extract-snippets.sh FOLDER PAGE...
#
# Each block that is fenced with ```swift becomes the body of an async function that throws (of a
# suite, if it has tests). Left out are whole programs (with `@main`, which are examples of their
# own), package manifests, and what is fenced with ```swift fragment.

set -euo pipefail
folder=$1
shift
mkdir -p "$folder"
rm -f "$folder"/*.swift

for page in "$@"; do
    name=$(basename "$page" .md | tr -c 'A-Za-z0-9\n' '_')
    awk -v page="$page" -v name="$name" '
        function finish() {
            if (text == "" || text ~ /@main|swift-tools-version/) return
            number++
            if (text ~ /@Test|@Suite/) head = "struct " name number " {"
            else head = "func " name number "() async throws {"
            print head
            printf "#sourceLocation(file: \"%s\", line: %d)\n%s#sourceLocation()\n}\n\n", page, first, text
        }
        BEGIN { print "// swift-format-ignore-file\nimport AsyncCore\nimport AsyncCoreTesting\nimport Glibc\nimport Testing\n" }
        /^```swift *$/ { inside = 1; text = ""; first = NR + 1; next }
        /^```/ && inside { inside = 0; finish(); next }
        inside && /^import / { text = text "\n"; next }
        inside { text = text $0 "\n" }
    ' "$page" >"$folder/$name.swift"
done
