/// Shared inside the library only: what a loop is made of, and what its parts ask of each other.
///
/// A part (registry, timers, wake-up) is changed by its own source file alone; the others read it.
/// Everything here belongs to the loop's thread, except `wakeup_fd` and `sys`, which never change,
/// and `wakeup_errors` and `stopped_ns`, which are atomic: that is what makes `cel_loop_wakeup` safe from anywhere.
#pragma once

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/epoll.h>

#include "CEventLoop.h"

CEL_ASSUME_NONNULL_BEGIN

/// Evaluates `call` until it is not interrupted; gives its result, or -errno.
#define CEL__RETRY(type, result, call)                                                             \
    type result;                                                                                   \
    do {                                                                                           \
        result = (call);                                                                           \
        if (result < 0) result = -(type)errno;                                                     \
    } while (result == -EINTR)

/// An index that names nothing: the end of a free list.
#define CEL__NONE UINT32_MAX

/// How many events one turn takes from the kernel at most.
#define CEL__EVENTS 512

/// Tokens of the loop's own descriptors. Their generation is 0, which no registration ever has.
#define CEL__TIMER_TOKEN ((cel_token)1)
#define CEL__WAKEUP_TOKEN ((cel_token)2)

/// One registration, or a free place for one (`mode` 0).
struct cel__slot {
    uint64_t user;
    uint32_t generation; ///< Of the registration that is here, or of the next one.
    int fd;              ///< CEL__DISPLACED once a newer registration has the number.
    union {
        uint32_t readiness; ///< CEL_MODE_EDGE: what is ready, until cleared.
        uint32_t next_free; ///< Free: the next free slot.
    };
    uint8_t mode; ///< 0 or one of `enum cel_mode`.
    bool armed;   ///< CEL_MODE_ONESHOT: a report was asked for and has not come.
};

#define CEL__DISPLACED (-1)

struct cel__registry {
    struct cel__slot *_Nullable slots;
    uint32_t *_Nullable newest; ///< By descriptor: 1 + slot of its newest registration, or 0.
    uint32_t capacity;          ///< Of `slots`.
    uint32_t used;              ///< Slots below this have been used.
    uint32_t count;             ///< Registrations.
    uint32_t first_free;
    uint32_t newest_capacity;
    uint32_t first_generation;
};

/// A deadline in the heap, with its key beside it so that comparing follows no pointer.
struct cel__deadline {
    uint64_t deadline_ns;
    uint32_t sequence; ///< Order of adding, modulo 2^32; decides between equal deadlines.
    uint32_t slot;
};

/// What a timer's token names.
struct cel__timer_slot {
    uint64_t user;
    uint32_t generation; ///< Of the timer that is here, or of the next one.
    uint32_t place;      ///< In use: index in the heap. Free: the next free slot.
};

struct cel__timers {
    struct cel__deadline *_Nullable heap;
    struct cel__timer_slot *_Nullable slots;
    uint32_t count; ///< Entries of the heap.
    uint32_t heap_capacity;
    uint32_t slot_capacity;
    uint32_t used; ///< Slots below this have been used.
    uint32_t first_free;
    uint32_t fresh_generation; ///< For the first timer of a slot at or above `used`.
    uint32_t freed_since_trim;
    uint32_t trim_at; ///< So few timers are a reason to trim: half of what the last time left.
    int fd;
    uint64_t armed_ns; ///< What the timer descriptor is set to, if it was not read since.
    uint32_t next_sequence;
};

struct cel_loop {
    const struct cel_sys *sys;
    int epoll_fd;
    int wakeup_fd;
    struct cel__registry registry;
    struct cel__timers timers;
    struct cel_statistics statistics; ///< Without `wakeup_errors`.
    uint64_t seen_ns;                 ///< What the clock showed when a turn last looked.
    atomic_uint_fast64_t wakeup_errors;
    atomic_uint_fast64_t stopped_ns; ///< What a stopped clock shows; CEL_NEVER while it runs.
    struct epoll_event events[CEL__EVENTS];
};

static inline cel_token cel__token(uint32_t index, uint32_t generation) {
    return (uint64_t)generation << 32 | index;
}

static inline uint32_t cel__token_index(cel_token token) {
    return (uint32_t)token;
}

static inline uint32_t cel__token_generation(cel_token token) {
    return (uint32_t)(token >> 32);
}

/// Generations skip 0 when they wrap: that one belongs to the loop's own descriptors.
static inline uint32_t cel__next_generation(uint32_t generation) {
    return generation == UINT32_MAX ? 1 : generation + 1;
}

/// Makes room for `needed` elements of `size` bytes; new room is not initialised. Errors: ENOMEM;
/// then the array is as before.
CEL_CHECKED int cel__grow(const struct cel_sys *sys, void *_Nullable *_Nonnull array,
                          uint32_t *capacity, size_t size, uint32_t needed);

/// epoll_ctl on the loop's set, counted; 0 or -errno.
CEL_CHECKED int cel__control(cel_loop *loop, int operation, int fd, uint32_t events,
                             cel_token token);

/// Reads the counter of a timer or event descriptor, which empties it. 0 or -errno; never EINTR.
CEL_CHECKED int cel__read_counter(const struct cel_sys *sys, int fd);

void cel__registry_init(struct cel__registry *registry, uint32_t first_generation);
void cel__registry_free(struct cel__registry *registry, const struct cel_sys *sys);

/// Turns an event of the kernel into a completion. False if there is nothing to deliver: the event
/// is stale, or nobody has asked for it.
bool cel__registry_report(cel_loop *loop, uint32_t kernel_events, cel_token token,
                          struct cel_completion *out);

void cel__timers_init(struct cel__timers *timers, uint32_t first_generation);
void cel__timers_free(struct cel__timers *timers, const struct cel_sys *sys);

/// Whether a deadline has come.
bool cel__timers_are_due(const struct cel__timers *timers, uint64_t now_ns);

/// Takes out at most `limit` timers whose deadline has come, in order. Returns how many.
uint32_t cel__timers_take_due(cel_loop *loop, uint64_t now_ns, struct cel_completion *out,
                              uint32_t limit);

/// Sets the timer descriptor for the earliest deadline, if it is not set well already.
CEL_CHECKED int cel__timers_arm(cel_loop *loop, uint64_t now_ns);

/// Sets the timer descriptor to report after `real_ns` nanoseconds, whatever the deadlines; for
/// CEL_NEVER to report nothing.
CEL_CHECKED int cel__timers_bound_wait(cel_loop *loop, uint64_t real_ns);

/// Whether the clock stands still; see cel_clock.h.
bool cel__clock_is_stopped(const cel_loop *loop);

/// The timer descriptor has reported: empties it.
void cel__timers_acknowledge(cel_loop *loop);

/// The event descriptor has reported: empties it. Returns whether somebody had called.
bool cel__wakeup_acknowledge(cel_loop *loop);

CEL_ASSUME_NONNULL_END
