/// Wake-ups: one event descriptor, written by anybody and read by the loop.
///
/// The writer touches nothing of the loop but constant fields and one atomic counter, so it may be
/// any thread or a signal handler. The kernel keeps the sum of what was written: any number of
/// calls before the loop looks is one wake-up, and none is lost, since a call after the read makes
/// it readable again.
#include "internal.h"

void cel_loop_wakeup(cel_loop *loop) {
    // A signal handler must leave errno as it was, or it corrupts the code that it interrupted.
    int saved = errno;
    const uint64_t one = 1;
    while (loop->sys->write(loop->wakeup_fd, &one, sizeof one) < 0) {
        if (errno == EINTR) continue;
        // EAGAIN: the counter is full, hence not zero, hence the loop wakes up anyway.
        atomic_fetch_add_explicit(&loop->wakeup_errors, 1, memory_order_relaxed);
        break;
    }
    errno = saved;
}

bool cel__wakeup_acknowledge(cel_loop *loop) {
    int result = cel__read_counter(loop->sys, loop->wakeup_fd);
    if (result == 0) return true;
    loop->statistics.ignored_errors++;
    // EAGAIN: nobody has called. After any other error somebody may have, and a wake-up too many is
    // harmless where one too few is not.
    return result != -EAGAIN;
}
