/* Peers that are a burden: they hold connections, open and close them, or flood. */
#ifndef BENCH_PEERS_H
#define BENCH_PEERS_H

#include <stdint.h>

#include "bench_base.h"

#pragma clang assume_nonnull begin

/* Makes `count` connections to an echo server, each with one message of 16 bytes sent and answered,
 * and stores them in `connections`; closes all of them if one fails. */
BENCH_CHECKED int bench_hold(uint16_t port, int count, int *connections);

/* Closes them. */
void bench_release(const int *connections, int count);

/* Sends a byte on one connection after the other, each of them every `period_ms`, and drops what
 * comes back. Runs until an error, which it returns. */
BENCH_CHECKED int bench_trickle(const int *connections, int count, int period_ms);

/* Sends as much as the server takes on one connection, and drops what comes back. Runs until an
 * error, which it returns. */
BENCH_CHECKED int bench_flood(uint16_t port);

/* Makes and closes `total` connections, `at_once` open at a time, each with one message sent and
 * answered. */
BENCH_CHECKED int bench_churn(uint16_t port, int total, int at_once);

#pragma clang assume_nonnull end

#endif
