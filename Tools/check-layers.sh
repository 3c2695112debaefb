#!/usr/bin/env bash
# A file of AsyncCore uses its own layer and lower ones. What can be grepped of that rule:
# who imports the C side, who imports what is not ours, and which types a layer names. AsyncCoreTesting
# stands on AsyncCore, and on Swift Testing in one folder alone.

source "$(dirname "$0")/check-common.sh"

# Lowest first. Net and Process stand side by side: neither knows the other.
layers='System=1 Loop=2 Sync=3 Tasks=4 Streams=5 Net=6 Process=6'

findings=$(
    files_named '*.swift' Sources | split_lines | awk -F '\t' -v layers="$layers" '
        function found(what) { print path[i] ":" line[i] ": " what }
        BEGIN {
            count = split(layers, pairs, " ")
            for (i = 1; i <= count; i++) { split(pairs[i], pair, "="); height_of[pair[1]] = pair[2] }
        }
        {
            path[NR] = $1; line[NR] = $2; code[NR] = $3
            split($1, parts, "/")
            if (parts[2] != "AsyncCore" || parts[3] ~ /[.]docc$/) { layer[NR] = ""; next }
            if (!(parts[3] in height_of)) {
                if ($2 == 1) print $1 ":1: belongs to no layer (" layers ")"
                layer[NR] = ""; next
            }
            layer[NR] = parts[3]; height[NR] = height_of[parts[3]]
            if (match($3, /(^|[^A-Za-z0-9_.])(struct|class|enum|actor|protocol|typealias) +[A-Z][A-Za-z0-9_]*/)) {
                at_margin = ($3 ~ /^[a-z@]/) && ($3 !~ /private/)
                name = substr($3, RSTART, RLENGTH); sub(/.* /, "", name)
                if (!at_margin) {
                    # A nested type of this name: the grep cannot tell the two apart.
                    nested[name] = 1
                } else if (!(name in home)) {
                    home[name] = layer[NR]
                } else if (home[name] != layer[NR]) {
                    nested[name] = 1
                }
            }
        }
        END {
            for (i = 1; i <= NR; i++) {
                if (code[i] ~ /(^|[ ;])import +([a-z]+ +)?(Dispatch|Foundation[A-Za-z]*)([ .;]|$)/)
                    found("imports Dispatch or Foundation")
                if (path[i] ~ /^Sources\/AsyncCoreTesting\//) {
                    if (code[i] ~ /(^|[ ;])import +([a-z]+ +)?(CEventLoop|CSwiftRuntime|Glibc|Musl)([ .;]|$)/)
                        found("imports the C side; AsyncCoreTesting stands on AsyncCore alone")
                    if (path[i] !~ /\/SwiftTesting\// && code[i] ~ /(^|[ ;])import +([a-z]+ +)?Testing([ .;]|$)/)
                        found("imports Testing; only AsyncCoreTesting/SwiftTesting may")
                }
                if (layer[i] == "") continue
                if (layer[i] != "System" && code[i] ~ /(^|[ ;])import +([a-z]+ +)?(CEventLoop|Glibc|Musl)([ .;]|$)/)
                    found("imports the C side; only Sources/AsyncCore/System may")
                text = code[i]
                while (match(text, /[A-Za-z_][A-Za-z0-9_]*/)) {
                    word = substr(text, RSTART, RLENGTH); text = substr(text, RSTART + RLENGTH)
                    if (!(word in home) || (word in nested) || home[word] == layer[i]) continue
                    if (height_of[home[word]] >= height[i])
                        found(layer[i] " names " word ", which belongs to " home[word])
                }
            }
        }'
)
verdict layers "Layers" "$findings"
