/// The table of system calls through which the library, and only through which it, reaches the
/// kernel; but for recv and send with the default table, see `cel_sys_direct`. Tests replace entries in
/// order to count, script, shorten or fail calls.
#pragma once

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <time.h>
#include <sys/timerfd.h>

#include "cel_base.h"

CEL_ASSUME_NONNULL_BEGIN

// Only a GNU program has its declaration; whoever includes this may not be one.
struct mmsghdr;
// Its header is left out: with it here, Swift would look for `stat` in this module.
struct stat;

/// Each entry has the conventions (-1 and `errno`) of the call it is named after, and its signature, but
/// for `fcntl`, which takes a number, and `splice`, which has no offsets.
struct cel_sys {
    int (*epoll_create1)(int flags);
    int (*epoll_ctl)(int epfd, int op, int fd, struct epoll_event *_Nullable event);
    int (*epoll_wait)(int epfd, struct epoll_event *events, int maxevents, int timeout_ms);
    int (*timerfd_create)(int clock, int flags);
    int (*timerfd_settime)(int fd, int flags, const struct itimerspec *value,
                           struct itimerspec *_Nullable old);
    int (*eventfd)(unsigned initial, int flags);
    ssize_t (*read)(int fd, void *buffer, size_t count);
    ssize_t (*write)(int fd, const void *buffer, size_t count);
    int (*close)(int fd);
    int (*clock_gettime)(clockid_t clock, struct timespec *out);
    int (*socket)(int domain, int type, int protocol);
    int (*socketpair)(int domain, int type, int protocol, int *ends);
    int (*bind)(int fd, const struct sockaddr *address, socklen_t length);
    int (*listen)(int fd, int backlog);
    int (*accept4)(int fd, struct sockaddr *_Nullable address, socklen_t *_Nullable length,
                   int flags);
    int (*connect)(int fd, const struct sockaddr *address, socklen_t length);
    ssize_t (*recv)(int fd, void *buffer, size_t count, int flags);
    ssize_t (*send)(int fd, const void *buffer, size_t count, int flags);
    int (*recvmmsg)(int fd, struct mmsghdr *messages, unsigned count, int flags);
    int (*sendmmsg)(int fd, struct mmsghdr *messages, unsigned count, int flags);
    ssize_t (*sendmsg)(int fd, const struct msghdr *message, int flags);
    ssize_t (*sendfile)(int fd, int file, off_t *_Nullable offset, size_t count);
    ssize_t (*pread)(int fd, void *buffer, size_t count, off_t offset);
    ssize_t (*recvmsg)(int fd, struct msghdr *message, int flags);
    int (*pipe2)(int *ends, int flags);
    int (*fcntl)(int fd, int command, int value);
    ssize_t (*splice)(int from, int to, size_t count, unsigned flags);
    int (*shutdown)(int fd, int how);
    int (*getsockopt)(int fd, int level, int name, void *value, socklen_t *length);
    int (*setsockopt)(int fd, int level, int name, const void *value, socklen_t length);
    int (*getsockname)(int fd, struct sockaddr *address, socklen_t *length);
    int (*getpeername)(int fd, struct sockaddr *address, socklen_t *length);
    int (*lstat)(const char *path, struct stat *out);
    int (*unlink)(const char *path);
    int (*fchmod)(int fd, mode_t mode);
    int (*fchmodat)(int folder, const char *path, mode_t mode, int flags);
    void *_Nullable (*_Nonnull realloc)(void *_Nullable memory, size_t size);
    void (*free)(void *_Nullable memory);
};

/// The kernel's own calls. Never NULL; valid for the life of the process.
const struct cel_sys *cel_sys_default(void);

/// The table with which recv and send go to the kernel without the C library: that of
/// `cel_sys_default`, or NULL where they must not, under a sanitizer, which looks on in the library, or
/// cannot, on a processor that `cel_direct.h` does not know.
extern const struct cel_sys *_Nullable const cel_sys_direct;

/// Writes the C library's words for an errno, NUL-terminated, cut to `capacity` (at least 1). Any thread.
void cel_error_message(int error, char *out, size_t capacity);

CEL_ASSUME_NONNULL_END
