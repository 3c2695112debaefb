#!/usr/bin/env bash
# Pointers and the `unsafe` marker stay in Sources/AsyncCore/System and in the files that
# Tools/unsafe-allowed.txt names, and every such place says why it is safe.
#
# A "SAFETY:" comment speaks for the few lines of code below it, and for the whole body ({ ... })
# that it opens or stands right above. What moves ownership, or changes what memory is taken for,
# needs one close by, whatever the body says.

source "$(dirname "$0")/check-common.sh"

allow_list=Tools/unsafe-allowed.txt

# Entries without a reason, and entries for files that are gone.
list_findings() {
    [ -f "$allow_list" ] || return 0
    awk -v list="$allow_list" '!/^(#|$)/ && NF < 2 { print list ":" NR ": no reason given" }' "$allow_list"
    awk '!/^(#|$)/ { print $1 }' "$allow_list" | while read -r path; do
        if [ -d "$(dirname "$path")" ] && [ ! -f "$path" ]; then
            echo "$allow_list:1: no such file: $path"
        fi
    done
}

# The lines of Sources that break a rule, and the entries of the list that nothing needs.
source_findings() {
    files_named '*.swift' Sources | split_lines | awk -F '\t' -v reach=8 -v list="$allow_list" '
        function found(what) { print $1 ":" $2 ": " what }
        # Called at the first line after a site that decides: did its body open with a reason?
        function settle(reason) {
            for (i = 1; i <= waiting; i++) if (!reason) print pending[i]
            waiting = 0
        }
        BEGIN {
            while ((getline entry < list) > 0) {
                split(entry, words, " ")
                if (words[1] != "" && words[1] !~ /^#/) allowed[words[1]] = 1
            }
        }
        $2 == 1 { settle(0); since = reach + 1; depth = 0; opened = 0; in_reason = 0; here[$1] = 1 }
        {
            blank = ($3 ~ /^ *$/)
            if (blank && $4 == "") next
            if ($4 ~ /SAFETY:/) {
                since = 0; in_reason = blank
                if (opened && blank) { covered[depth] = 1; settle(1) }
            } else if (blank && in_reason) {
                since = 0  # A comment of several lines counts from its last line.
            }
            if (blank) { if (!in_reason) opened = 0; next }
            in_reason = 0; since++
            if (opened) settle(0)

            marker = ($3 ~ /(^|[^A-Za-z0-9_.@])unsafe([^A-Za-z0-9_:]|$)/)
            pointer = ($3 ~ /Unsafe(Mutable)?(Raw)?(Buffer)?Pointer|OpaquePointer|Unmanaged|Unsafe(Throwing)?Continuation|unsafeBitCast/)
            ownership = ($3 ~ /take(Unr|R)etainedValue|[.]release\(\)|[.]retain\(\)|unsafeBitCast|bindMemory|assumingMemoryBound|withMemoryRebound/)
            promise = ($3 ~ /@unchecked +Sendable|@safe([^A-Za-z]|$)/)
            if (marker || pointer) {
                used[$1] = 1
                if ($1 !~ /^Sources\/AsyncCore\/System\// && !($1 in allowed))
                    found("unsafe code outside Sources/AsyncCore/System and " list)
            }
            if ($4 !~ /SAFETY:/ && since > reach) {
                missing = "no \"// SAFETY:\" within " reach " lines of code above"
                if (ownership) found(missing)
                else if (promise) pending[++waiting] = $1 ":" $2 ": " missing ", nor at the head of its body"
                else if (marker && !covered[depth]) found(missing ", nor at the head of its body")
            }

            text = $3; opened = 0
            while (match(text, /[{}]/)) {
                brace = substr(text, RSTART, 1); text = substr(text, RSTART + 1)
                if (brace == "{") { depth++; covered[depth] = covered[depth - 1] || since <= 2 }
                else if (depth > 0) { covered[depth] = 0; depth-- }
                opened = (brace == "{")
            }
            # A promise is written before its body; one without a body has only the lines above.
            if (waiting > 0 && !opened && ++without_body > 4) settle(0)
            if (opened || waiting == 0) without_body = 0
        }
        END {
            settle(0)
            for (path in allowed)
                if ((path in here) && !(path in used)) print list ":1: no longer needed: " path
        }'
}

verdict unsafe "Unsafe code" "$(list_findings; source_findings)"
