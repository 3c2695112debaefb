/// recv(2) and send(2) as instructions of their callers, instead of functions of the C library; when, see
/// `cel_sys_direct`.
///
/// After a system call that ran deep in the kernel the processor has forgotten where functions return to,
/// and mispredicts each return of its caller and its caller's callers, at some 10 ns. Two fewer, and the
/// instructions between, are 1.5 to 2 % of an echo. In a process of several threads the C library makes each
/// call a cancellation point, too, which takes two exchanges in memory.
#pragma once

#include <errno.h>
#include <sys/syscall.h>
#include <sys/types.h>

#include "cel_base.h"

CEL_ASSUME_NONNULL_BEGIN

#if defined(__x86_64__) && !defined(__ILP32__)
#define CEL__CALLS_DIRECTLY 1

static inline long cel__call(long number, long fd, const void *buffer, size_t count, long flags) {
    register long fourth __asm__("r10") = flags;
    register long address __asm__("r8") = 0;
    register long length __asm__("r9") = 0;
    long result;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(fd), "S"(buffer), "d"(count), "r"(fourth), "r"(address),
                       "r"(length)
                     : "rcx", "r11", "memory");
    return result;
}

// With SVE a system call also clears registers that cannot be named here.
#elif defined(__aarch64__) && !defined(__ILP32__) && !defined(__ARM_FEATURE_SVE)
#define CEL__CALLS_DIRECTLY 1

static inline long cel__call(long number, long fd, const void *buffer, size_t count, long flags) {
    register long call __asm__("x8") = number;
    register long result __asm__("x0") = fd;
    register const void *second __asm__("x1") = buffer;
    register size_t third __asm__("x2") = count;
    register long fourth __asm__("x3") = flags;
    register long address __asm__("x4") = 0;
    register long length __asm__("x5") = 0;
    __asm__ volatile("svc 0"
                     : "+r"(result)
                     : "r"(call), "r"(second), "r"(third), "r"(fourth), "r"(address), "r"(length)
                     : "memory");
    return result;
}

#else
#define CEL__CALLS_DIRECTLY 0

static inline long cel__call(long number, long fd, const void *buffer, size_t count, long flags) {
    (void)number, (void)fd, (void)buffer, (void)count, (void)flags;
    return -ENOSYS;
}
#endif

/// The number of bytes, or -errno.
static inline ssize_t cel__recv(int fd, void *buffer, size_t count, int flags) {
    ssize_t result;
    do result = cel__call(SYS_recvfrom, fd, buffer, count, flags);
    while (result == -EINTR);
    return result;
}

/// The number of bytes, or -errno.
static inline ssize_t cel__send(int fd, const void *buffer, size_t count, int flags) {
    ssize_t result;
    do result = cel__call(SYS_sendto, fd, buffer, count, flags);
    while (result == -EINTR);
    return result;
}

CEL_ASSUME_NONNULL_END
