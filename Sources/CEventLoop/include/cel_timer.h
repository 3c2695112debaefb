/// Deadlines: a heap, behind the loop's one timer descriptor.
#pragma once

#include "cel_base.h"
#include "cel_loop.h"

CEL_ASSUME_NONNULL_BEGIN

/// Adds a deadline (absolute; one in the past is due in the next turn; CEL_NEVER is kept and never
/// fires). O(log n). Errors: ENOMEM; then nothing was added.
CEL_CHECKED int cel_timer_add(cel_loop *loop, uint64_t deadline_ns, uint64_t user, cel_token *out);

/// Takes a deadline away at once: memory does not wait for the deadline. O(log n).
/// Errors: ENOENT if it has been delivered or removed already.
CEL_CHECKED int cel_timer_remove(cel_loop *loop, cel_token token);

/// Moves a deadline, earlier or later; it counts as added now among its equals. O(log n).
/// Errors: ENOENT if it has been delivered or removed already.
CEL_CHECKED int cel_timer_move(cel_loop *loop, cel_token token, uint64_t deadline_ns);

/// How many timers there are.
uint32_t cel_timer_count(const cel_loop *loop);

/// The `user` word of one of the timers, for those who look at all of them: of each for one `place`
/// below `cel_timer_count`, in no order, until a timer is added, moved, removed or delivered. 0 for
/// other places.
uint64_t cel_timer_user(const cel_loop *loop, uint32_t place);

CEL_ASSUME_NONNULL_END
