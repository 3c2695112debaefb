/*
 * What the benchmarks need from C: clocks, child processes, pinning, the load generator, and the
 * hand-written server that everything is measured against.
 *
 * Functions that return int give 0 or a count, or -errno. Times are nanoseconds. None of this is
 * for use outside the benchmarks.
 */
#ifndef CBENCHSUPPORT_H
#define CBENCHSUPPORT_H

#include "bench_allocations.h"
#include "bench_clock.h"
#include "bench_echo.h"
#include "bench_histogram.h"
#include "bench_peers.h"
#include "bench_process.h"
#include "bench_proxy.h"

#endif
