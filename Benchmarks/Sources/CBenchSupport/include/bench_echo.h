/* The two ends of the echo benchmark that are written in C. */
#ifndef BENCH_ECHO_H
#define BENCH_ECHO_H

#include <stdint.h>
#include <sys/types.h>

#include "bench_base.h"

#pragma clang assume_nonnull begin

/* Stores a non-blocking listening socket on 127.0.0.1 and the port that the kernel chose. */
BENCH_CHECKED int bench_listen(int *listener, uint16_t *port);

/* Accepts one connection, non-blocking and without delay; -EAGAIN when none waits. */
BENCH_CHECKED int bench_accept(int listener);

/* The ideal: one thread, every socket registered once and edge-triggered, an answer sent at once.
 * Runs until an error, which it returns. */
BENCH_CHECKED int bench_serve_epoll(int listener);

/* A blocking connection to a port of 127.0.0.1, without delay; no send waits for over a second. */
BENCH_CHECKED int bench_connect(uint16_t port);

typedef struct bench_echo_load {
    uint16_t port;
    int connections;      /* 1...BENCH_MAX_CONNECTIONS, each with at most one message under way */
    int message_bytes;    /* 16...BENCH_MAX_MESSAGE */
    int pace;             /* messages a second, in turn over the connections; 0: each sends its
                             next message once the answers that are there are in */
    pid_t server;         /* the process whose CPU time is read */
} bench_echo_load;

#define BENCH_MAX_CONNECTIONS 1024
#define BENCH_MAX_MESSAGE 16384

typedef struct bench_echo_result {
    int64_t round_trips;
    int64_t wall_ns;
    int64_t server_cpu_ns;
    int64_t p50_ns, p99_ns, p999_ns;
} bench_echo_result;

/* The connections to one server, which say nothing unless they are driven. */
typedef struct bench_echo_client bench_echo_client;

BENCH_CHECKED int bench_echo_open(const bench_echo_load *load,
                                  bench_echo_client *_Nullable *_Nonnull client);

/* Loads the server from the calling thread. Without a pace it returns when the last answer has come, so
 * several servers can be loaded by turns; with one a client is driven once. What happens in the first `warm_up_ns`, and after `duration_ns`
 * more, is not counted. With a pace, a message's time begins when it was due, not when it could be
 * sent. -EBADMSG if an answer differs from what was sent, -ECONNRESET if the server closes,
 * -ETIMEDOUT if nothing comes for a second, or in all of the time; the client can only be closed then. */
BENCH_CHECKED int bench_echo_drive(bench_echo_client *client, int64_t warm_up_ns,
                                   int64_t duration_ns, bench_echo_result *result);

void bench_echo_close(bench_echo_client *client);

#pragma clang assume_nonnull end

#endif
