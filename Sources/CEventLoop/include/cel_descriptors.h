/// Descriptors that go with the bytes of a Unix stream (SCM_RIGHTS).
#pragma once

#include <stdbool.h>

#include "cel_base.h"
#include "cel_sys.h"

CEL_ASSUME_NONNULL_BEGIN

/// How many descriptors one message takes at most: the kernel's SCM_MAX_FD.
#define CEL_DESCRIPTORS_MAX 253

/// Descriptors that came with bytes. Whoever receives them owns them.
struct cel_descriptors {
    int numbers[CEL_DESCRIPTORS_MAX];
    size_t count;
    bool lost; ///< There were more, which the kernel could not give: the process has too many open.
};

/// sendmsg(2) with MSG_NOSIGNAL: the number of bytes taken, or -errno. The descriptors, which stay
/// the caller's, went with the first byte. `count` is at least 1. Errors: EINVAL (no byte, or more
/// than CEL_DESCRIPTORS_MAX), EBADF, ETOOMANYREFS (too many on their way), and those of send(2).
CEL_CHECKED ssize_t cel_descriptors_send(const struct cel_sys *sys, int fd, const void *bytes,
                                         size_t count, const int *numbers, size_t number_count);

/// recvmsg(2) with MSG_CMSG_CLOEXEC: the number of bytes, 0 at the end of the stream, or -errno.
/// `count` is at least 1. It stops behind bytes that had descriptors, so fewer bytes than there is
/// room for do not mean that there are no more. After an error there are no descriptors.
CEL_CHECKED ssize_t cel_descriptors_receive(const struct cel_sys *sys, int fd, void *bytes,
                                            size_t count, struct cel_descriptors *out);

/// recvmsg(2) without room for descriptors: those that come are closed by the kernel, and make
/// `stopped` true: there may be more bytes behind them. Otherwise as `cel_socket_receive`.
CEL_CHECKED ssize_t cel_descriptors_refuse(const struct cel_sys *sys, int fd,
                                           void *_Nullable bytes, size_t count, bool *stopped);

CEL_ASSUME_NONNULL_END
