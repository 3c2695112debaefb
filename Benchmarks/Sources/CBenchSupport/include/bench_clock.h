/* Wall time and CPU time. */
#ifndef BENCH_CLOCK_H
#define BENCH_CLOCK_H

#include <stdint.h>
#include <sys/types.h>

#pragma clang assume_nonnull begin

/* CLOCK_MONOTONIC. */
int64_t bench_wall_ns(void);

/* User and system time of every thread of this process, ended ones included. */
int64_t bench_cpu_ns(void);

/* The same of another process; -1 if it does not exist. Read from its CPU clock, which the kernel
 * keeps to the nanosecond and brings up to date for threads that are running at this moment. */
int64_t bench_cpu_ns_of(pid_t pid);

#pragma clang assume_nonnull end

#endif
