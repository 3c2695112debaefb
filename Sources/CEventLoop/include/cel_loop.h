/// The loop: create, poll one batch, destroy; wake-ups; statistics.
#pragma once

#include <stdbool.h>

#include "cel_base.h"
#include "cel_sys.h"

CEL_ASSUME_NONNULL_BEGIN

typedef struct cel_loop cel_loop;

/// How to make a loop. All zero is a good default.
struct cel_options {
    /// System calls to use; NULL for the kernel's. Must outlive the loop.
    const struct cel_sys *_Nullable sys;
    /// The generation that the first registration of a slot gets; 0 means 1. The order of timers
    /// begins there, too. For tests of the wrap.
    uint32_t first_generation;
};

/// What a completion reports.
enum cel_kind {
    CEL_KIND_TIMER = 1,  ///< A deadline has passed; the timer is gone, its token is stale.
    CEL_KIND_READY = 2,  ///< A registered descriptor became ready for `events`.
    CEL_KIND_WAKEUP = 3, ///< `cel_loop_wakeup` was called, once or more, since the last batch.
};

struct cel_completion {
    uint64_t user;   ///< What the caller gave when it registered; 0 for a wake-up.
    cel_token token; ///< The registration or timer; CEL_NO_TOKEN for a wake-up.
    uint32_t kind;   ///< One of `enum cel_kind`.
    uint32_t events; ///< CEL_READABLE and friends, for CEL_KIND_READY; otherwise 0.
};

/// Counters since creation. They only grow.
struct cel_statistics {
    uint64_t turns;          ///< Calls of `cel_loop_poll`.
    uint64_t waits;          ///< Turns that asked the kernel to wait.
    uint64_t events;         ///< Readiness events delivered.
    uint64_t stale_events;   ///< Readiness events dropped: their registration was gone.
    uint64_t wakeups;        ///< CEL_KIND_WAKEUP completions.
    uint64_t timers_fired;   ///< CEL_KIND_TIMER completions.
    uint64_t spurious_turns; ///< Turns that waited and yet delivered nothing.
    uint64_t timer_arms;     ///< Calls of timerfd_settime.
    uint64_t control_calls;  ///< Calls of epoll_ctl.
    uint64_t ignored_errors; ///< Errors of EPOLL_CTL_DEL and of wake-ups that harm nobody.
    uint64_t waited_ns;      ///< Time spent waiting in the kernel, and jumps of a stopped clock.
};

/// Makes a loop: an epoll set with one timer descriptor and one event descriptor in it.
///
/// Does not block. Errors: EMFILE, ENFILE, ENOMEM; then nothing is left open.
CEL_CHECKED int cel_loop_create(const struct cel_options *_Nullable options,
                                cel_loop *_Nullable *_Nonnull out);

/// Closes the loop's descriptors and frees it.
///
/// Errors: EBUSY while a registration is left; the loop then still works. Timers that are left are
/// dropped. NULL is allowed, and does nothing.
CEL_CHECKED int cel_loop_destroy(cel_loop *_Nullable loop);

/// One turn: asks the kernel once, and fills `out`: due timers first, in order of deadline (ties in
/// order of adding), then wake-up and readiness.
///
/// Waits until there is something to report if `wait` is true, else does not block. `capacity` is
/// at least 2; what does not fit comes in the next turn. Readiness takes at most half of it
/// (rounded up to 1 at least), so timers and descriptors cannot starve each other. A signal that
/// interrupts the wait ends it: the turn may then deliver nothing. Returns the number of
/// completions. Errors: EINVAL (capacity); EBADF if somebody closed the loop's own descriptors:
/// such a loop cannot go on.
CEL_CHECKED int cel_loop_poll(cel_loop *loop, bool wait, struct cel_completion *out,
                              uint32_t capacity);

/// Arms the timer descriptor for the earliest deadline, so that `cel_loop_descriptor` becomes
/// readable in time. `cel_loop_poll` does so by itself before it waits; a program that polls the
/// descriptor in a loop of its own calls this before it goes to sleep. Does not block.
CEL_CHECKED int cel_loop_arm(cel_loop *loop);

/// The descriptor that is readable (poll, select, epoll, level-triggered) when `cel_loop_poll` has
/// something to report. Owned by the loop; never read it, never close it.
int cel_loop_descriptor(const cel_loop *loop);

/// The earliest deadline, or CEL_NEVER.
uint64_t cel_loop_next_deadline(const cel_loop *loop);

/// The monotonic clock now, in nanoseconds, read through the loop's system calls. Any thread.
uint64_t cel_loop_now(const cel_loop *loop);

/// What the clock showed when `cel_loop_poll` last looked at it, as it does when it waits, or has a
/// timer; 0 if it never has. Costs no look at the clock.
uint64_t cel_loop_seen(const cel_loop *loop);

/// The loop's system calls. Any thread.
const struct cel_sys *cel_loop_sys(const cel_loop *loop);

/// Makes a waiting turn, or else the next one, return with a CEL_KIND_WAKEUP completion.
///
/// Any thread, and async-signal-safe; keeps `errno`. Does not block. Never fails: a full counter
/// means that a wake-up is pending already. The loop must not be destroyed meanwhile.
void cel_loop_wakeup(cel_loop *loop);

/// Copies the counters.
void cel_loop_statistics(const cel_loop *loop, struct cel_statistics *out);

CEL_ASSUME_NONNULL_END
