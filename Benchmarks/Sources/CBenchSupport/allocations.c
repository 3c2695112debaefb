/*
 * Stands in front of glibc's allocator. The executable's definitions win over those of shared
 * libraries, so the Swift runtime is counted too. Memory comes from glibc as always, and goes back
 * to glibc's own free, which is left alone.
 */
#include "bench_allocations.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *memory, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

/* The flag and the count are apart by a cache line: the flag is read by every allocation, also in
 * timed passes, and must not move between cores. */
static _Alignas(64) atomic_bool counting;
static _Alignas(64) atomic_llong counted;

static inline void count(void) {
    if (atomic_load_explicit(&counting, memory_order_relaxed)) {
        atomic_fetch_add_explicit(&counted, 1, memory_order_relaxed);
    }
}

void *malloc(size_t size) {
    count();
    return __libc_malloc(size);
}

void *calloc(size_t number, size_t size) {
    count();
    return __libc_calloc(number, size);
}

void *realloc(void *memory, size_t size) {
    count();
    return __libc_realloc(memory, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
    count();
    return __libc_memalign(alignment, size);
}

int posix_memalign(void **memory, size_t alignment, size_t size) {
    if (alignment % sizeof(void *) != 0 || (alignment & (alignment - 1)) != 0 || alignment == 0) {
        return EINVAL;
    }
    count();
    void *result = __libc_memalign(alignment, size);
    if (result == NULL) {
        return ENOMEM;
    }
    *memory = result;
    return 0;
}

void bench_allocations_start(void) {
    atomic_store(&counted, 0);
    atomic_store(&counting, true);
}

int64_t bench_allocations_stop(void) {
    atomic_store(&counting, false);
    return atomic_load(&counted);
}
