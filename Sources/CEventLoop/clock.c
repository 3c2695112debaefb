/// The loop's clock: the kernel's, until it is stopped for a test.
///
/// A stopped clock is one atomic number, so that any thread may read it, as it may read the
/// kernel's. Only the loop's thread moves it. While it stands, the timer descriptor has no deadline to keep and serves to bound a
/// wait in real time.
#include "internal.h"

uint64_t cel_loop_now(const cel_loop *loop) {
    uint64_t stopped = atomic_load_explicit(&loop->stopped_ns, memory_order_relaxed);
    if (stopped != CEL_NEVER) return stopped;
    struct timespec now;
    // Cannot fail for this clock. If it did, no time has passed: late is allowed, early is not.
    if (loop->sys->clock_gettime(CLOCK_MONOTONIC, &now) < 0 || now.tv_sec < 0) return 0;
    const uint64_t second = 1000000000;
    uint64_t seconds = (uint64_t)now.tv_sec;
    if (seconds >= CEL_NEVER / second) return CEL_NEVER - 1;
    return seconds * second + (uint64_t)now.tv_nsec;
}

bool cel__clock_is_stopped(const cel_loop *loop) {
    return atomic_load_explicit(&loop->stopped_ns, memory_order_relaxed) != CEL_NEVER;
}

void cel_clock_stop(cel_loop *loop, uint64_t now_ns) {
    uint64_t now = now_ns == CEL_NEVER ? CEL_NEVER - 1 : now_ns;
    atomic_store_explicit(&loop->stopped_ns, now, memory_order_relaxed);
}

int cel_clock_advance(cel_loop *loop, uint64_t ns) {
    if (!cel__clock_is_stopped(loop)) return -EINVAL;
    uint64_t now = cel_loop_now(loop);
    uint64_t left = CEL_NEVER - 1 - now;
    uint64_t step = ns < left ? ns : left;
    atomic_store_explicit(&loop->stopped_ns, now + step, memory_order_relaxed);
    loop->seen_ns = now + step;
    loop->statistics.waited_ns += step;
    return 0;
}
