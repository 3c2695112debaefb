#!/usr/bin/env bash
# Runs every example for real, and looks at what it prints and how it ends.
#
#   Examples/smoke-test.sh [FOLDER]
#
# FOLDER has the built programs; without it, they are looked for where `swift build` puts them.
# Uses no fixed port, waits for nothing longer than some seconds, and ends only what it has started.

set -euo pipefail
cd "$(dirname "$0")"

bin=${1:-$("${SWIFT:-swift}" build --show-bin-path)}
work=$(mktemp -d)
declare -A started  # Process ids of what runs in the background.

end() {
    for pid in "${!started[@]}"; do kill -TERM "$pid" 2>/dev/null || true; done
    rm -rf "$work"
}
trap end EXIT

# Says what was wrong, shows what the program had printed, and ends the test.
#   fail NAME WHAT [FILE...]
fail() {
    local name=$1 what=$2 file
    shift 2
    [ $# -gt 0 ] || set -- out err
    echo "FAILED $name: $what" >&2
    for file in "$@"; do
        [ ! -s "$work/$file" ] || sed 's/^/    /' "$work/$file" | tail -n 20 >&2
    done
    exit 1
}

# Runs a program to its end; its output is in $work/out and $work/err.
#   run NAME STATUS PROGRAM [ARGUMENT...]
run() {
    local name=$1 expected=$2 status=0
    shift 2
    timeout --kill-after=1 15 "$@" >"$work/out" 2>"$work/err" || status=$?
    [ "$status" -eq "$expected" ] || fail "$name" "exit $status instead of $expected: $*"
}

# Looks for a line in a file of $work.
#   expect NAME FILE LINE
expect() {
    grep -qxF -- "$3" "$work/$2" || fail "$1" "no line '$3'" "$2"
}

# A program that was misused, or could not do its work, says so in one line, "Error: ...". After a
# misuse (64), a usage hint follows.
#   refuses NAME STATUS WORDS PROGRAM [ARGUMENT...]
refuses() {
    local name=$1 status=$2 words=$3
    shift 3
    run "$name" "$status" "$@"
    head -n 1 "$work/err" | grep -qE "^Error: .*$words" || fail "$name" "no line 'Error: ...$words'"
    if [ "$status" -eq 64 ]; then
        grep -q '^Usage: ' "$work/err" || fail "$name" "no usage hint"
    elif [ "$(wc -l <"$work/err")" -ne 1 ]; then
        fail "$name" "more than one line on standard error"
    fi
}

# Starts an echo server on a free port; its process is $server, its port $port. `timeout` bounds its
# life, and passes signals on; it also undoes that a shell lets background programs ignore SIGINT.
#   start_server NAME PROGRAM [ARGUMENT...]
start_server() {
    local name=$1
    shift
    : >"$work/server"
    timeout --foreground --kill-after=1 15 "$@" >"$work/server" 2>"$work/served" &
    server=$!
    started[$server]=1
    for _ in $(seq 50); do
        port=$(sed -n 's/^listening on 127\.0\.0\.1:\([0-9]*\)$/\1/p' "$work/server")
        [ -z "$port" ] || return 0
        sleep 0.1
    done
    fail "$name" "it did not say where it listens" server served
}

# Ends the server by a signal, and looks at its status, and at its last line unless that is empty.
#   end_server NAME SIGNAL LAST-LINE
end_server() {
    local status=0
    kill "-$2" "$server"
    wait "$server" || status=$?
    unset "started[$server]"
    [ "$status" -eq 0 ] || fail "$1" "exit $status after SIG$2" served
    [ -z "$3" ] || tail -n 1 "$work/served" | grep -qxF -- "$3" ||
        fail "$1" "its last line is not '$3'" served
}

# The slow ones wait most of their time: they run meanwhile.
timeout 15 "$bin/quickstart" >"$work/quickstart" 2>&1 &
quickstart=$!
# Its input stays open, so it is its own time that ends it.
timeout 15 "$bin/embed-in-poll" --seconds 1 >"$work/embedded" 2>&1 \
    < <(echo hello && exec sleep 3 2>/dev/null) &
embedded=$!
started[$quickstart]=1
started[$embedded]=1

run one-thread 0 "$bin/one-thread"
expect one-thread out "threads: 1"
refuses one-thread 64 "'extra'" "$bin/one-thread" extra
echo "ok one-thread"

run embed-in-poll 0 "$bin/embed-in-poll" < <(echo one && echo two && sleep 1 && echo three)
for line in "task: echo of one" "task: echo of two" "task: echo of three" "task: tick 1" \
    "host: the input has ended" "host: the loop has stopped"; do
    expect embed-in-poll out "$line"
done
refuses embed-in-poll 64 "seconds" "$bin/embed-in-poll" --seconds 0
refuses embed-in-poll 64 "seconds" "$bin/embed-in-poll" --seconds many
wait "$embedded" || fail embed-in-poll "exit $? when its time was over" embedded
unset "started[$embedded]"
for line in "task: echo of hello" "task: tick 1" "host: 1 s" "host: the loop has stopped"; do
    expect embed-in-poll embedded "$line"
done
echo "ok embed-in-poll"

start_server echo-server "$bin/echo-server" --port 0
run echo-client 0 "$bin/echo-client" --port "$port" "hello there"
expect echo-client out "hello there"
run echo-client 0 "$bin/echo-client" --port "$port" --count 50 --connections 20 --size 100
grep -qE '^1000 round trips of 100 bytes, 20 connections: [0-9]+ per second$' "$work/out" ||
    fail echo-client "no report"
run echo-client 0 "$bin/echo-client" --port "$port" --count 3 --size 65536
refuses echo-server 1 "$port: address already in use" "$bin/echo-server" --port "$port"
end_server echo-server INT "served 22 connections, $((11 + 100000 + 3 * 65536)) bytes"
refuses echo-client 1 "connection refused" "$bin/echo-client" --port "$port" hello
echo "ok echo-server and echo-client"

start_server echo-server "$bin/echo-server" --port 0
echo_port=$port
echo_server=$server
start_server tcp-proxy "$bin/tcp-proxy" --port 0 --target "localhost:$echo_port"
run tcp-proxy 0 "$bin/echo-client" --port "$port" "through the proxy"
expect tcp-proxy out "through the proxy"
run tcp-proxy 0 "$bin/echo-client" --port "$port" --count 20 --connections 20 --size 20000
# Big enough to stay in the kernel.
run tcp-proxy 0 "$bin/echo-client" --port "$port" --count 50 --connections 4 --size 65536
end_server tcp-proxy TERM ""
server=$echo_server
port=$echo_port
end_server echo-server TERM ""
refuses tcp-proxy 64 "'nowhere' is not host:port" "$bin/tcp-proxy" --target nowhere
echo "ok tcp-proxy"

# A real server behind it, and its own benchmark in front.
if command -v redis-server >/dev/null && command -v redis-benchmark >/dev/null; then
    # It takes no free port by itself: one that somebody has is left for another.
    for _ in 1 2 3 4 5; do
        redis_port=$((20000 + RANDOM % 10000))
        redis-server --port "$redis_port" --bind 127.0.0.1 --save "" --appendonly no \
            >"$work/redis" 2>&1 &
        redis=$!
        started[$redis]=1
        for _ in $(seq 50); do
            [ "$(redis-cli -p "$redis_port" ping 2>/dev/null)" != PONG ] || break 2
            kill -0 "$redis" 2>/dev/null || break
            sleep 0.1
        done
        unset "started[$redis]"
    done
    start_server tcp-proxy "$bin/tcp-proxy" --port 0 --target "127.0.0.1:$redis_port"
    run tcp-proxy 0 redis-benchmark -p "$port" -n 20000 -c 50 -P 4 -t set,get -q
    [ "$(grep -c 'requests per second' "$work/out")" -ge 2 ] || fail tcp-proxy "no figures"
    [ "$(redis-cli -p "$port" set key value)" = OK ] || fail tcp-proxy "SET did not go through"
    [ "$(redis-cli -p "$redis_port" get key)" = value ] || fail tcp-proxy "SET did not arrive"
    run redis-client 0 "$bin/redis-client" --port "$port" "SET greeting hello" "GET greeting" \
        "GET none" "RPUSH list a b" "LRANGE list 0 -1"
    expect redis-client out hello
    expect redis-client out "(nil)"
    expect redis-client out '["a", "b"]'
    for number in $(seq 5000); do echo "INCR counter"; done >"$work/commands"
    run redis-client 0 "$bin/redis-client" --port "$redis_port" <"$work/commands"
    [ "$(tail -n 1 "$work/out")" = 5000 ] || fail redis-client "the last of 5000 replies is wrong"
    run redis-client 2 "$bin/redis-client" --port "$redis_port" "NOSUCHCOMMAND"
    end_server tcp-proxy TERM ""
    kill -TERM "$redis"
    wait "$redis" || true
    unset "started[$redis]"
    echo "ok tcp-proxy, redis-client and redis"
else
    echo "skipped: tcp-proxy with redis, as redis-server or redis-benchmark is not installed"
fi

# Two guests, by the shell's own sockets. Each waits for what the other one makes the server say.
start_server chat-server "$bin/chat-server" --port 0
hears() {
    local line
    read -r -t 5 line <&"$1" || fail chat-server "guest heard nothing; wanted '$2'" served
    [ "$line" = "$2" ] || fail chat-server "guest heard '$line' instead of '$2'" served
}
exec {ada}<>"/dev/tcp/127.0.0.1/$port"
hears "$ada" "Your name?"
echo "Ada" >&"$ada"
hears "$ada" "Welcome, Ada"
exec {ben}<>"/dev/tcp/127.0.0.1/$port"
hears "$ben" "Your name?"
echo "Ben" >&"$ben"
hears "$ben" "Welcome, Ben"
hears "$ada" "* Ben comes in"
echo "hello" >&"$ada"
hears "$ben" "Ada: hello"
exec {ada}>&-
hears "$ben" "* Ada leaves"
exec {ben}>&-
end_server chat-server INT ""
echo "ok chat-server"

start_server echo-server "$bin/echo-server" --port 0
for number in $(seq 2000); do echo "localhost:$port"; done >"$work/endpoints"
run reachable 0 "$bin/reachable" --limit 200 <"$work/endpoints"
[ "$(grep -cxF "localhost:$port  reachable" "$work/out")" -eq 2000 ] ||
    fail reachable "not all 2000 are reachable"
run reachable 2 "$bin/reachable" "127.0.0.1:$port" 127.0.0.1:1
expect reachable out "127.0.0.1:$port  reachable"
expect reachable out "127.0.0.1:1  connection refused"
refuses reachable 64 "'nowhere' is not host:port" "$bin/reachable" nowhere
refuses reachable 64 "--limit" "$bin/reachable" --limit 0 localhost:1
end_server echo-server TERM ""
echo "ok reachable"

run dns-lookup 0 "$bin/dns-lookup" localhost 127.0.0.1 "no name"
grep -qE '^localhost  .*127\.0\.0\.1' "$work/out" || fail dns-lookup "localhost has no address"
grep -qE '^127\.0\.0\.1  [a-z]' "$work/out" || fail dns-lookup "the loopback has no name"
grep -qE '^no name  cannot look up' "$work/out" || fail dns-lookup "no error for what is no name"
echo "ok dns-lookup"

# Sends bytes as they are, and looks at the first line of what comes back until the end.
#   answers LINE BYTES
answers() {
    local peer answer
    exec {peer}<>"/dev/tcp/127.0.0.1/$port"
    printf '%b' "$2" >&"$peer"
    answer=$(timeout 5 cat <&"$peer" | tr -d '\r' | tee "$work/out" | head -n 1) ||
        fail http-hello "no end after $2"
    exec {peer}>&-
    [ "$answer" = "$1" ] || fail http-hello "'$answer' instead of '$1' after $2"
}
start_server http-hello "$bin/http-hello" --port 0 --patience 1
answers "HTTP/1.1 200 OK" "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.0\r\n\r\n"
[ "$(grep -cxF "Hello, world!" "$work/out")" -eq 2 ] || fail http-hello "not two answers"
answers "HTTP/1.1 400 Bad Request" "GET / HTTP/1.1\n\n"
answers "HTTP/1.1 400 Bad Request" "GET / HTTP/1.1\r\n\r\n"
answers "HTTP/1.1 400 Bad Request" "GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n"
answers "HTTP/1.1 400 Bad Request" "GET / HTTP/1.1\r\nHost: a\r\nX: \001\r\n\r\n"
answers "HTTP/1.1 400 Bad Request" \
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
answers "HTTP/1.1 408 Request Timeout" "GET / HTTP/1.1\r\nHost"
answers "HTTP/1.1 414 URI Too Long" "GET /$(head -c 9000 /dev/zero | tr '\0' a) HTTP/1.1\r\n\r\n"
answers "HTTP/1.1 505 HTTP Version Not Supported" "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
refuses http-hello 1 "$port: address already in use" "$bin/http-hello" --port "$port"
end_server http-hello INT ""
refuses http-hello 64 "--idle" "$bin/http-hello" --idle 0
echo "ok http-hello"

if command -v curl >/dev/null; then
    start_server http-hello "$bin/http-hello" --port 0
    page=http://127.0.0.1:$port/
    # Asks for pages; the lines of the answer's head, and its body, are in $work/out.
    ask() {
        run http-hello 0 curl -sS -i -v --max-time 5 "$@"
        sed -i 's/\r$//' "$work/out"
    }
    ask "$page" "$page?again"
    [ "$(grep -cxF "HTTP/1.1 200 OK" "$work/out")" -eq 2 ] || fail http-hello "not two answers"
    expect http-hello out "Hello, world!"
    grep -qi 're-using existing' "$work/err" || fail http-hello "a connection for each page"
    ask --head "$page"
    expect http-hello out "Content-Length: 14"
    ask "${page}none"
    expect http-hello out "HTTP/1.1 404 Not Found"
    ask --data "name=value" "$page" --next -sS -i "$page"
    expect http-hello out "Allow: GET, HEAD"
    expect http-hello out "HTTP/1.1 200 OK"
    ask --http1.0 "$page"
    expect http-hello out "Connection: close"
    ask --http1.0 --header "Connection: keep-alive" "$page"
    expect http-hello out "Connection: keep-alive"
    head -c 700000 /dev/zero >"$work/upload"
    ask --header "Transfer-Encoding: chunked" --header "Expect: 100-continue" \
        --data-binary "@$work/upload" "$page" --next -sS -i "$page"
    expect http-hello out "HTTP/1.1 100 Continue"
    expect http-hello out "HTTP/1.1 405 Method Not Allowed"
    expect http-hello out "HTTP/1.1 200 OK"
    head -c 2000000 /dev/zero >"$work/upload"
    ask --header "Expect:" --data-binary "@$work/upload" "$page"
    expect http-hello out "HTTP/1.1 413 Content Too Large"
    end_server http-hello TERM ""
    echo "ok http-hello and curl"
else
    echo "skipped: http-hello with curl, as curl is not installed"
fi

# Many connections at once, each asking again and again, for a second.
#   load NAME URL
load() {
    run "$1" 0 wrk -t1 -c64 -d1s "$2"
    grep -q '^Requests/sec:' "$work/out" || fail "$1" "no figures"
    ! grep -qE 'Socket errors|Non-2xx' "$work/out" || fail "$1" "not all answers are good"
}
if command -v wrk >/dev/null; then
    start_server http-hello "$bin/http-hello" --port 0
    load http-hello "http://127.0.0.1:$port/"
    end_server http-hello INT ""
    echo "ok http-hello and wrk"
else
    echo "skipped: http-hello with wrk, as wrk is not installed"
fi

# Behind a proxy that keeps its connections.
nginx=$(PATH=$PATH:/usr/sbin command -v nginx) || nginx=
if [ -n "$nginx" ] && command -v curl >/dev/null && command -v wrk >/dev/null; then
    start_server http-hello "$bin/http-hello" --port 0
    mkdir "$work/nginx"
    # It takes no free port by itself: one that somebody has is left for another.
    proxy=
    for _ in 1 2 3 4 5; do
        proxy_port=$((20000 + RANDOM % 10000))
        cat >"$work/nginx/conf" <<END
$([ "$(id -u)" -ne 0 ] || echo "user root;")
daemon off;
pid $work/nginx/pid;
error_log stderr;
worker_processes 1;
events { worker_connections 512; }
http {
    access_log off;
    client_body_temp_path $work/nginx/body;
    proxy_temp_path $work/nginx/proxy;
    fastcgi_temp_path $work/nginx/fastcgi;
    uwsgi_temp_path $work/nginx/uwsgi;
    scgi_temp_path $work/nginx/scgi;
    upstream hello {
        server 127.0.0.1:$port;
        keepalive 64;
    }
    server {
        listen 127.0.0.1:$proxy_port;
        location / {
            proxy_pass http://hello;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
        }
    }
}
END
        "$nginx" -e stderr -c "$work/nginx/conf" >"$work/nginx/log" 2>&1 &
        proxy=$!
        started[$proxy]=1
        for _ in $(seq 50); do
            [ "$(curl -sS "http://127.0.0.1:$proxy_port/" 2>/dev/null)" != "Hello, world!" ] ||
                break 2
            kill -0 "$proxy" 2>/dev/null || break
            sleep 0.1
        done
        unset "started[$proxy]"
        proxy=
    done
    [ -n "$proxy" ] || fail http-hello "nginx does not start" nginx/log
    load http-hello "http://127.0.0.1:$proxy_port/"
    run http-hello 0 curl -sS --max-time 5 --data "name=value" "http://127.0.0.1:$proxy_port/"
    expect http-hello out "Method Not Allowed"
    # The server ends first: connections that are kept, and idle, do not hold it up.
    end_server http-hello TERM ""
    kill -TERM "$proxy"
    wait "$proxy" || true
    unset "started[$proxy]"
    echo "ok http-hello and nginx"
else
    echo "skipped: http-hello behind nginx, as nginx, curl or wrk is not installed"
fi

start_server echo-server "$bin/echo-server" --port 0
# A connection that is reset: closed before the answer has been read.
exec {peer}<>"/dev/tcp/127.0.0.1/$port"
echo "no goodbye" >&"$peer"
for _ in $(seq 20); do
    if read -r -t 0 -u "$peer"; then break; fi
    sleep 0.1
done
exec {peer}>&-
run echo-server 0 "$bin/echo-client" --port "$port" "still there"
expect echo-server out "still there"
# One that is open when the server ends.
exec {peer}<>"/dev/tcp/127.0.0.1/$port"
echo "stays" >&"$peer"
line=
read -r -t 5 line <&"$peer" || true
[ "$line" = stays ] || fail echo-server "no answer" served
end_server echo-server TERM "served 3 connections, $((11 + 11 + 6)) bytes"
exec {peer}>&-
echo "ok signals and resets"

for program in echo-server echo-client; do
    message=()
    [ "$program" = echo-server ] || message=(hello)
    refuses "$program" 64 "'--bogus'" "$bin/$program" --bogus "${message[@]}"
    refuses "$program" 64 "'extra'" "$bin/$program" "${message[@]}" extra
    refuses "$program" 64 "'--port" "$bin/$program" "${message[@]}" --port
    refuses "$program" 64 "--port" "$bin/$program" --port many "${message[@]}"
    refuses "$program" 64 "a port is 0 to 65535" "$bin/$program" --port 65536 "${message[@]}"
    refuses "$program" 64 "\"nowhere\"" "$bin/$program" --host nowhere "${message[@]}"
done
refuses echo-client 64 "message or --count" "$bin/echo-client"
refuses echo-client 64 "message or --count" "$bin/echo-client" --count 5 hello
refuses echo-client 64 "go with --count" "$bin/echo-client" --size 5 hello
refuses echo-client 64 "--count" "$bin/echo-client" --count 0
refuses echo-client 64 "--count" "$bin/echo-client" --count many
refuses echo-client 64 "--connections" "$bin/echo-client" --count 1 --connections 0
refuses echo-client 64 "--size" "$bin/echo-client" --count 1 --size 65537
echo "ok bad input"

wait "$quickstart" || fail quickstart "exit $?" quickstart
unset "started[$quickstart]"
expect quickstart quickstart "Results: (4, 2, 6)"
expect quickstart quickstart "Caught: cannot divide by 0"
expect quickstart quickstart "All workers are done"
echo "ok quickstart"

# Made by its own makefile, not by `swift build`.
c_program=../build/c-timer-echo
if [ -x "$c_program" ]; then
    for signal in INT TERM; do
        start_server c-timer-echo "$c_program" 0
        run c-timer-echo 0 "$bin/echo-client" --port "$port" --count 50 --connections 20
        end_server c-timer-echo "$signal" ""
    done
    run c-timer-echo 64 "$c_program" many
    echo "ok c-timer-echo"
fi
