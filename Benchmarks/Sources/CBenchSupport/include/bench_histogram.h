/* A log-linear histogram of durations: relative error below 1 %, no allocation when recording. */
#ifndef BENCH_HISTOGRAM_H
#define BENCH_HISTOGRAM_H

#include <stdint.h>

#pragma clang assume_nonnull begin

/* 2^7 linear steps in each power of two, up to 2^40 ns (18 minutes); longer counts as longest. */
#define BENCH_HISTOGRAM_STEP_BITS 7
#define BENCH_HISTOGRAM_VALUE_BITS 40
#define BENCH_HISTOGRAM_SLOTS                                                                      \
    ((BENCH_HISTOGRAM_VALUE_BITS - BENCH_HISTOGRAM_STEP_BITS + 1) << BENCH_HISTOGRAM_STEP_BITS)

typedef struct bench_histogram {
    int64_t total;
    int64_t slots[BENCH_HISTOGRAM_SLOTS];
} bench_histogram;

void bench_histogram_clear(bench_histogram *histogram);
void bench_histogram_record(bench_histogram *histogram, int64_t value_ns);

/* The value that `fraction` (0...1) of the recorded values do not exceed; 0 if there are none. */
int64_t bench_histogram_quantile(const bench_histogram *histogram, double fraction);

#pragma clang assume_nonnull end

#endif
