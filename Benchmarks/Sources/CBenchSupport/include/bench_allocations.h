/* Counts heap allocations of the whole process, while asked to. */
#ifndef BENCH_ALLOCATIONS_H
#define BENCH_ALLOCATIONS_H

#include <stdint.h>

/* Zeroes the count and starts counting: calls of malloc, calloc, realloc and the aligned forms.
 * Counting slows allocation, so never count in a pass that is timed. */
void bench_allocations_start(void);

/* Stops counting and returns the count. */
int64_t bench_allocations_stop(void);

#endif
