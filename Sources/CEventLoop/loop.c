/// The loop itself: create, one turn, arm, destroy, statistics.
///
/// Owns the epoll set, and the order of a turn: clock, timer descriptor, kernel, clock, due timers,
/// events. Whatever can fail comes before the events are fetched: a turn that returns an error has
/// taken nothing from the kernel, so no edge is ever lost.
#include <assert.h>
#include <limits.h>
#include <sys/eventfd.h>

#include "internal.h"

// The kernel packs this structure on x86-64 only. A header that disagrees would scramble tokens.
#ifdef __x86_64__
static_assert(sizeof(struct epoll_event) == 12, "epoll_event is packed on x86-64");
#else
static_assert(sizeof(struct epoll_event) == 16, "epoll_event is not packed");
#endif

/// Closes what is open, and frees the loop.
static void dispose(cel_loop *loop) {
    const struct cel_sys *sys = loop->sys;
    const int owned[] = {loop->wakeup_fd, loop->timers.fd, loop->epoll_fd};
    for (size_t i = 0; i < sizeof owned / sizeof owned[0]; i++) {
        if (owned[i] >= 0) sys->close(owned[i]); // Whatever it says, it is closed.
    }
    cel__registry_free(&loop->registry, sys);
    cel__timers_free(&loop->timers, sys);
    sys->free(loop);
}

/// Opens the three descriptors; the caller disposes of what was opened before an error.
static int open_descriptors(cel_loop *loop) {
    const struct cel_sys *sys = loop->sys;
    loop->epoll_fd = sys->epoll_create1(EPOLL_CLOEXEC);
    if (loop->epoll_fd < 0) return -errno;
    loop->timers.fd = sys->timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (loop->timers.fd < 0) return -errno;
    loop->wakeup_fd = sys->eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (loop->wakeup_fd < 0) return -errno;
    // Level-triggered: both report until they are read, so that one is not lost when a turn has no
    // room for it, and the epoll descriptor stays readable for a host that polls it.
    int result = cel__control(loop, EPOLL_CTL_ADD, loop->timers.fd, EPOLLIN, CEL__TIMER_TOKEN);
    if (result < 0) return result;
    return cel__control(loop, EPOLL_CTL_ADD, loop->wakeup_fd, EPOLLIN, CEL__WAKEUP_TOKEN);
}

int cel_loop_create(const struct cel_options *_Nullable options,
                    cel_loop *_Nullable *_Nonnull out) {
    const struct cel_sys *sys = cel_sys_default();
    if (options != NULL && options->sys != NULL) sys = options->sys;
    uint32_t generation = 1;
    if (options != NULL && options->first_generation != 0) generation = options->first_generation;

    *out = NULL;
    cel_loop *loop = sys->realloc(NULL, sizeof *loop);
    if (loop == NULL) return -ENOMEM;
    loop->sys = sys;
    loop->epoll_fd = -1;
    loop->wakeup_fd = -1;
    loop->statistics = (struct cel_statistics){0};
    loop->seen_ns = 0;
    atomic_init(&loop->wakeup_errors, 0);
    atomic_init(&loop->stopped_ns, CEL_NEVER);
    cel__registry_init(&loop->registry, generation);
    cel__timers_init(&loop->timers, generation);

    int result = open_descriptors(loop);
    if (result < 0) {
        dispose(loop);
        return result;
    }
    *out = loop;
    return 0;
}

int cel_loop_destroy(cel_loop *_Nullable loop) {
    if (loop == NULL) return 0;
    if (loop->registry.count > 0) return -EBUSY;
    dispose(loop);
    return 0;
}

int cel__control(cel_loop *loop, int operation, int fd, uint32_t events, cel_token token) {
    struct epoll_event event = {.events = events, .data = {.u64 = token}};
    loop->statistics.control_calls++;
    return loop->sys->epoll_ctl(loop->epoll_fd, operation, fd, &event) < 0 ? -errno : 0;
}

/// Asks the kernel for at most `limit` events. A signal ends the wait: no event.
static int fetch(cel_loop *loop, bool wait, uint32_t limit) {
    int result = loop->sys->epoll_wait(loop->epoll_fd, loop->events, (int)limit, wait ? -1 : 0);
    if (result >= 0) return result;
    int error = errno;
    return error == EINTR ? 0 : -error;
}

/// Makes completions of the first `fetched` events; there is room for as many. Returns how many.
static uint32_t deliver(cel_loop *loop, uint32_t fetched, struct cel_completion *out) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < fetched; i++) {
        cel_token token = loop->events[i].data.u64;
        if (token == CEL__TIMER_TOKEN) {
            cel__timers_acknowledge(loop);
        } else if (token == CEL__WAKEUP_TOKEN) {
            if (!cel__wakeup_acknowledge(loop)) continue;
            out[count++] = (struct cel_completion){.kind = CEL_KIND_WAKEUP};
            loop->statistics.wakeups++;
        } else if (cel__registry_report(loop, loop->events[i].events, token, &out[count])) {
            count++;
        }
    }
    return count;
}

/// Sets the timer descriptor for a wait: for the earliest deadline, or, as a stopped clock reaches
/// none, for the end of the wait in real time (CEL_NEVER: no end).
static int arm(cel_loop *loop, uint64_t now, uint64_t real_ns) {
    if (cel__clock_is_stopped(loop)) return cel__timers_bound_wait(loop, real_ns);
    return cel__timers_arm(loop, now);
}

/// A turn; one that waits does so for `real_ns` at most, if the clock is stopped.
static int turn(cel_loop *loop, bool wait, uint64_t real_ns, struct cel_completion *out,
                uint32_t capacity) {
    if (capacity < 2) return -EINVAL;
    if (capacity > INT_MAX) capacity = INT_MAX;
    loop->statistics.turns++;

    uint64_t now = wait || loop->timers.count > 0 ? cel_loop_now(loop) : 0;
    bool waits = wait && !cel__timers_are_due(&loop->timers, now);
    if (waits) {
        int result = arm(loop, now, real_ns);
        if (result < 0) return result;
        loop->statistics.waits++;
    }

    // No more than half, so that at least one due timer fits; the kernel keeps the rest, and takes
    // turns among what is ready, so that the loop's own descriptors cannot crowd the others out.
    uint32_t limit = capacity / 2 < CEL__EVENTS ? capacity / 2 : CEL__EVENTS;
    int fetched = fetch(loop, waits, limit);
    if (fetched < 0) return fetched;
    if (waits) {
        uint64_t before = now;
        now = cel_loop_now(loop);
        if (now > before) loop->statistics.waited_ns += now - before;
    }
    if (now > 0) loop->seen_ns = now;

    uint32_t count = cel__timers_take_due(loop, now, out, capacity - (uint32_t)fetched);
    count += deliver(loop, (uint32_t)fetched, out + count);
    if (waits && count == 0) loop->statistics.spurious_turns++;
    return (int)count;
}

int cel_loop_poll(cel_loop *loop, bool wait, struct cel_completion *out, uint32_t capacity) {
    return turn(loop, wait, CEL_NEVER, out, capacity);
}

int cel_clock_poll(cel_loop *loop, uint64_t real_ns, struct cel_completion *out,
                   uint32_t capacity) {
    if (!cel__clock_is_stopped(loop)) return -EINVAL;
    return turn(loop, true, real_ns, out, capacity);
}

int cel_loop_arm(cel_loop *loop) {
    if (cel__clock_is_stopped(loop)) return 0;
    if (loop->timers.count == 0 && loop->timers.armed_ns == CEL_NEVER) return 0;
    return cel__timers_arm(loop, cel_loop_now(loop));
}

int cel_loop_descriptor(const cel_loop *loop) {
    return loop->epoll_fd;
}

uint64_t cel_loop_seen(const cel_loop *loop) {
    return loop->seen_ns;
}

const struct cel_sys *cel_loop_sys(const cel_loop *loop) {
    return loop->sys;
}

void cel_loop_statistics(const cel_loop *loop, struct cel_statistics *out) {
    *out = loop->statistics;
    out->ignored_errors += atomic_load_explicit(&loop->wakeup_errors, memory_order_relaxed);
}
