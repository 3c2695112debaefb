/// A clock that stands still, and is moved by hand: time under test.
#pragma once

#include "cel_base.h"
#include "cel_loop.h"

CEL_ASSUME_NONNULL_BEGIN

/// Stops the loop's clock at `now_ns`; it never runs again, and only `cel_clock_advance` moves it.
///
/// To be called right after the loop was made, before it has a timer or another thread knows it.
/// `cel_loop_now` and all deadlines go by the stopped clock. A turn that waits then waits for
/// descriptors and wake-ups alone: what is due later cannot come by itself. Nor does it make
/// `cel_loop_descriptor` readable.
void cel_clock_stop(cel_loop *loop, uint64_t now_ns);

/// Moves a stopped clock on by `ns`; it stops short of CEL_NEVER. What becomes due is reported by
/// the next turn. Errors: EINVAL if the clock was not stopped.
CEL_CHECKED int cel_clock_advance(cel_loop *loop, uint64_t ns);

/// A turn of a loop with a stopped clock that waits, but for no more than `real_ns` nanoseconds of
/// real time. Otherwise as `cel_loop_poll`; returns 0 when nothing came. A signal may end it early.
/// Errors: EINVAL (capacity, or the clock was not stopped), EBADF.
CEL_CHECKED int cel_clock_poll(cel_loop *loop, uint64_t real_ns, struct cel_completion *out,
                               uint32_t capacity);

CEL_ASSUME_NONNULL_END
