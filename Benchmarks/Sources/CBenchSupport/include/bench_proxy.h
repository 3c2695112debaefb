/* The proxy that the example tcp-proxy is measured against. */
#ifndef BENCH_PROXY_H
#define BENCH_PROXY_H

#include <stdint.h>

#include "bench_base.h"

#pragma clang assume_nonnull begin

/* Passes each connection to `listener` on to one of its own to a port of 127.0.0.1, with ends and
 * back pressure: one thread, every socket registered once and edge-triggered. An error of a
 * connection that is made ends that one and its other; runs until any other error, which it
 * returns. */
BENCH_CHECKED int bench_serve_proxy(int listener, uint16_t target);

#pragma clang assume_nonnull end

#endif
