/// CEventLoop: an event loop for Linux (epoll, timerfd, eventfd) as a C library.
///
/// It holds the mechanism (registrations, deadlines, wake-ups) and no policy: there are no
/// callbacks. `cel_loop_poll` fills a batch of completions, and the caller acts on them once all
/// of the loop's own state is settled.
///
/// Rules that hold for every function, unless its comment says otherwise:
///
/// - Errors: 0 or a count on success, `-errno` on failure. Results come through out-parameters,
///   last. No function sets or needs `errno`. EINTR is never seen by a caller.
/// - Time: absolute nanoseconds of CLOCK_MONOTONIC, unsigned 64 bits. `CEL_NEVER` is no deadline.
///   For tests a loop's clock can be stopped, and moved by hand (cel_clock.h).
/// - Threads: a loop belongs to one thread at a time. Only `cel_loop_wakeup` may be called from
///   another thread or from a signal handler.
/// - Descriptors: the caller owns every descriptor that it registers, and closes it after
///   `cel_fd_deregister`. The loop owns its epoll, timer and event descriptors.
/// - Memory: the loop owns its tables, and grows them when a registration or a timer is added.
#pragma once

#include "cel_clock.h"
#include "cel_datagram.h"
#include "cel_descriptors.h"
#include "cel_fd.h"
#include "cel_interrupt.h"
#include "cel_loop.h"
#include "cel_socket.h"
#include "cel_sys.h"
#include "cel_thread.h"
#include "cel_timer.h"
#include "cel_transfer.h"
