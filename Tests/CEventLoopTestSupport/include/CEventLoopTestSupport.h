/// A scripted table of system calls: it counts, fails and fakes, and otherwise asks the kernel.
///
/// The script belongs to the calling thread, so that tests in parallel do not disturb each other. A
/// thread that has no script (another one that wakes the loop, say) gets the kernel's calls.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "CEventLoop.h"

CEL_ASSUME_NONNULL_BEGIN

/// The calls that can be counted and failed.
enum script_call {
    SCRIPT_EPOLL_CREATE1,
    SCRIPT_EPOLL_CTL,
    SCRIPT_EPOLL_WAIT,
    SCRIPT_TIMERFD_CREATE,
    SCRIPT_TIMERFD_SETTIME,
    SCRIPT_EVENTFD,
    SCRIPT_READ,
    SCRIPT_WRITE,
    SCRIPT_CLOSE,
    SCRIPT_CLOCK_GETTIME,
    SCRIPT_SOCKET,
    SCRIPT_SOCKETPAIR,
    SCRIPT_BIND,
    SCRIPT_LISTEN,
    SCRIPT_ACCEPT4,
    SCRIPT_CONNECT,
    SCRIPT_RECV,
    SCRIPT_SEND,
    SCRIPT_RECVMMSG,
    SCRIPT_SENDMMSG,
    SCRIPT_SENDMSG,
    SCRIPT_SENDFILE,
    SCRIPT_PREAD,
    SCRIPT_RECVMSG,
    SCRIPT_PIPE2,
    SCRIPT_FCNTL,
    SCRIPT_SPLICE,
    SCRIPT_SHUTDOWN,
    SCRIPT_GETSOCKOPT,
    SCRIPT_SETSOCKOPT,
    SCRIPT_GETSOCKNAME,
    SCRIPT_GETPEERNAME,
    SCRIPT_LSTAT,
    SCRIPT_UNLINK,
    SCRIPT_FCHMOD,
    SCRIPT_FCHMODAT,
    SCRIPT_REALLOC,
    SCRIPT_CALLS, ///< How many there are.
};

/// The table. It acts by the script of the thread that calls.
const struct cel_sys *script_sys(void);

/// Forgets everything: counters at zero, no failure, the real clock.
void script_reset(void);

/// How often `call` was made since the reset.
uint64_t script_count(enum script_call call);

/// Lets `times` calls fail with `error`, beginning with the `nth` from now on (1 is the next).
/// A failing close(2) closes all the same, as Linux does.
void script_fail(enum script_call call, uint64_t nth, uint64_t times, int error);

/// From now on sendmmsg takes no entry that is to be cut into segments of more than `limit` bytes:
/// it stops before the first one, with `error` if nothing is before that. Error 0 ends it.
void script_refuse_segments(uint16_t limit, int error);

/// How many entries sendmmsg has taken, and how many of them were to be cut into segments.
uint64_t script_messages(void);
uint64_t script_messages_cut(void);

/// What the table's sendmmsg does if it is not to fail, and what it remembers of that is forgotten.
int script_send_datagrams(int fd, struct mmsghdr *messages, unsigned count, int flags);
void script_reset_datagrams(void);

/// Descriptors opened through the table and not closed through it.
int64_t script_open_descriptors(void);

/// Blocks of memory allocated through the table and not freed.
int64_t script_live_blocks(void);

/// How large those blocks are together, as the allocator counts.
size_t script_live_bytes(void);

/// The largest block of memory that was asked for since the reset.
size_t script_largest_block(void);

/// From now on the clock, and with it the timer descriptor, is a fake that stands at `now_ns`. A
/// wait with nothing ready jumps to the time that is set, or fails with EDEADLK if none is.
void script_set_clock(uint64_t now_ns);

/// The descriptor that epoll_create1, timerfd_create or eventfd gave last.
int script_descriptor(enum script_call call);

/// What timerfd_settime was last given.
struct itimerspec script_timer_value(void);
int script_timer_flags(void);

/// The timeout that epoll_wait was last given, and the most events it was asked for.
int script_wait_timeout(void);
int script_wait_limit(void);

/// A table of the kernel's calls, but for write: it waits until the gate is open. One for the
/// process: for a serialized suite.
const struct cel_sys *script_gated_sys(void);
void script_gate_set(bool open);

/// How many calls of write have come to the gate.
int script_gate_arrivals(void);

/// Makes a pipe, or an event descriptor that is readable or not, past the scripted table and
/// without blocking or inheritance.
int script_pipe(int *ends);
int script_event(bool readable);

/// Whether AddressSanitizer or ThreadSanitizer looks on.
bool script_is_sanitized(void);

/// From now on so many percent of the packets that come for this socket are lost, by the kernel's dice.
/// 0 or -errno.
int lose_packets(int fd, unsigned percent);

/// How many packets of this connection were sent again, or -errno.
int packets_sent_again(int fd);

/// The address of the thread's errno is not for Swift to keep; these read and write it.
int script_errno(void);
void script_set_errno(int error);

/// The handler of `signo`: 0 default, 1 ignored, 2 any function.
int script_disposition(int signo);

/// Sets the handler of `signo`: 0 default, 1 ignored, 2 a function that does nothing.
void script_set_disposition(int signo, int disposition);

/// Sends the signal to the calling thread, or to the process if `process` is true, and takes it:
/// the threads that run tests may block signals. A signal to the thread has been handled on return.
void script_raise(int signo, bool process);

CEL_ASSUME_NONNULL_END
