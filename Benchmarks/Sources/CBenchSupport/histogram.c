/*
 * Values below 2^STEP_BITS have a slot each. Above, a value keeps its STEP_BITS + 1 leading bits:
 * the position of the first says which power of two, the others which step in it.
 */
#include "bench_histogram.h"

#include <string.h>

#define STEPS (1 << BENCH_HISTOGRAM_STEP_BITS)
#define LONGEST ((INT64_C(1) << BENCH_HISTOGRAM_VALUE_BITS) - 1)

static int slot_of(int64_t value) {
    if (value < STEPS) {
        return value < 0 ? 0 : (int)value;
    }
    if (value > LONGEST) {
        value = LONGEST;
    }
    int shift = 63 - __builtin_clzll((unsigned long long)value) - BENCH_HISTOGRAM_STEP_BITS;
    return (shift << BENCH_HISTOGRAM_STEP_BITS) + (int)(value >> shift);
}

/* The middle of the range of values that share a slot. */
static int64_t value_of(int slot) {
    if (slot < STEPS) {
        return slot;
    }
    int shift = (slot >> BENCH_HISTOGRAM_STEP_BITS) - 1;
    int64_t leading = slot - ((int64_t)shift << BENCH_HISTOGRAM_STEP_BITS);
    return (leading << shift) + ((INT64_C(1) << shift) >> 1);
}

void bench_histogram_clear(bench_histogram *histogram) { memset(histogram, 0, sizeof *histogram); }

void bench_histogram_record(bench_histogram *histogram, int64_t value_ns) {
    histogram->slots[slot_of(value_ns)]++;
    histogram->total++;
}

int64_t bench_histogram_quantile(const bench_histogram *histogram, double fraction) {
    int64_t wanted = (int64_t)(fraction * (double)histogram->total + 0.5);
    int64_t seen = 0;
    for (int slot = 0; slot < BENCH_HISTOGRAM_SLOTS; slot++) {
        seen += histogram->slots[slot];
        if (seen > 0 && seen >= wanted) {
            return value_of(slot);
        }
    }
    return 0;
}
