/// Interrupts: a signal that asks a program to end, delivered to a loop once.
///
/// The first signal is noted and wakes the loop; the disposition goes back to the default at that
/// very moment, so that a second one ends the process even if the loop is stuck.
#pragma once

#include "cel_base.h"
#include "cel_loop.h"

CEL_ASSUME_NONNULL_BEGIN

/// Routes `signo` (SIGINT, SIGTERM, …) to the loop. Process-wide. Any thread. Errors: EBUSY if the
/// signal does not have its default disposition (somebody else handles or ignores it) or another
/// loop has it; EINVAL for a number that cannot be handled.
CEL_CHECKED int cel_interrupt_open(cel_loop *loop, int signo);

/// Whether the signal came since the last call. Any thread.
bool cel_interrupt_take(cel_loop *loop, int signo);

/// Puts the default disposition back, if the loop has the signal; then the handler does not touch
/// the loop any more, also if it was running in another thread. Does nothing otherwise. Any thread.
void cel_interrupt_close(cel_loop *loop, int signo);

CEL_ASSUME_NONNULL_END
