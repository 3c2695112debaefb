# What the check-*.sh scripts share. Sourced, never run.
# shellcheck shell=bash
#
# A check collects its findings, one "path:line: what" per line, and hands them to `verdict`.

set -euo pipefail
export LC_ALL=C
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# verdict NAME SECTION FINDINGS: one "ok" line, or the findings and the place that explains the rule.
verdict() {
    local name=$1 section=$2 findings=$3
    if [ -z "$findings" ]; then
        printf 'ok    %s\n' "$name"
        return 0
    fi
    printf '%s\n' "$findings"
    printf 'FAIL  %s: see "%s" in CONTRIBUTING.md\n' "$name" "$section"
    return 1
}

# files_named PATTERN FOLDER...: the files below those folders that exist; hidden folders are skipped.
files_named() {
    local pattern=$1 folder
    shift
    for folder in "$@"; do
        if [ -d "$folder" ]; then
            find "$folder" -name '.?*' -prune -o -type f -name "$pattern" -print
        fi
    done | sort
}

# split_lines: reads paths on standard input and prints each line of those files as
# "path <TAB> line number <TAB> code <TAB> comment". Text inside string literals and raw identifiers
# is left out of the code (interpolated code stays in). Knows Swift and, near enough, C.
split_lines() {
    # shellcheck disable=SC2016
    tr '\n' '\0' | xargs -0 -r awk '
        function push_string(mark, hash_count) {
            depth++
            closing[depth] = mark substr("########", 1, hash_count)
            escape[depth] = "\\" substr("########", 1, hash_count)
            is_block[depth] = (mark == "\"\"\"")
            interpolating[depth] = 0
        }
        FNR == 1 { depth = 0; comment_depth = 0 }
        {
            code = ""; comment = ""
            gsub(/\t/, " ")
            rest = $0
            while (rest != "") {
                first = substr(rest, 1, 1); two = substr(rest, 1, 2)
                if (comment_depth > 0) {
                    if (two == "*/") { comment_depth--; rest = substr(rest, 3); continue }
                    if (two == "/*") { comment_depth++; rest = substr(rest, 3); continue }
                    comment = comment first; rest = substr(rest, 2); continue
                }
                if (depth > 0 && !interpolating[depth]) {
                    skip = length(closing[depth])
                    if (substr(rest, 1, skip) == closing[depth]) {
                        depth--; code = code "\""; rest = substr(rest, skip + 1); continue
                    }
                    skip = length(escape[depth])
                    if (substr(rest, 1, skip) == escape[depth]) {
                        if (substr(rest, skip + 1, 1) == "(") {
                            interpolating[depth] = 1; code = code "("
                        }
                        rest = substr(rest, skip + 2); continue
                    }
                    rest = substr(rest, 2); continue
                }
                if (two == "//") { comment = comment substr(rest, 3); break }
                if (two == "/*") { comment_depth = 1; rest = substr(rest, 3); continue }
                if (match(rest, /^#*"/)) {
                    hash_count = RLENGTH - 1
                    mark = (substr(rest, RLENGTH, 3) == "\"\"\"") ? "\"\"\"" : "\""
                    push_string(mark, hash_count)
                    code = code "\""; rest = substr(rest, hash_count + length(mark) + 1); continue
                }
                if (match(rest, /^`[^`]*`/)) {
                    name = substr(rest, 2, RLENGTH - 2)
                    code = code (name ~ /^[A-Za-z0-9_]*$/ ? name : "_")
                    rest = substr(rest, RLENGTH + 1); continue
                }
                if (match(rest, /^\047([^\047\\]|\\.)*\047/)) {
                    code = code "\"\""; rest = substr(rest, RLENGTH + 1); continue
                }
                if (depth > 0) {
                    if (first == "(") interpolating[depth]++
                    if (first == ")") interpolating[depth]--
                }
                code = code first; rest = substr(rest, 2)
            }
            while (depth > 0 && !is_block[depth]) depth--
            printf "%s\t%d\t%s\t%s\n", FILENAME, FNR, code, comment
        }'
}
