/// The kernel's own calls, as a table, and the few idioms around them that several files need.
///
/// The table is constant and shared by all loops. Calls whose declarations in the C library have
/// parameter types of their own (the socket address unions) go through a function that restates
/// them.
#include <fcntl.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include <stdio.h>
#include <string.h>

#include "internal.h"

static int sys_bind(int fd, const struct sockaddr *address, socklen_t length) {
    return bind(fd, address, length);
}

static int sys_connect(int fd, const struct sockaddr *address, socklen_t length) {
    return connect(fd, address, length);
}

static int sys_accept4(int fd, struct sockaddr *_Nullable address, socklen_t *_Nullable length,
                       int flags) {
    return accept4(fd, address, length, flags);
}

static int sys_getsockname(int fd, struct sockaddr *address, socklen_t *length) {
    return getsockname(fd, address, length);
}

static int sys_getpeername(int fd, struct sockaddr *address, socklen_t *length) {
    return getpeername(fd, address, length);
}

static int sys_recvmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags) {
    return recvmmsg(fd, messages, count, flags, NULL);
}

static int sys_sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags) {
    return sendmmsg(fd, messages, count, flags);
}

static int sys_fcntl(int fd, int command, int value) {
    return fcntl(fd, command, value);
}

static ssize_t sys_splice(int from, int to, size_t count, unsigned flags) {
    return splice(from, NULL, to, NULL, count, flags);
}

static const struct cel_sys kernel = {
    .epoll_create1 = epoll_create1,
    .epoll_ctl = epoll_ctl,
    .epoll_wait = epoll_wait,
    .timerfd_create = timerfd_create,
    .timerfd_settime = timerfd_settime,
    .eventfd = eventfd,
    .read = read,
    .write = write,
    .close = close,
    .clock_gettime = clock_gettime,
    .socket = socket,
    .socketpair = socketpair,
    .bind = sys_bind,
    .listen = listen,
    .accept4 = sys_accept4,
    .connect = sys_connect,
    .recv = recv,
    .send = send,
    .recvmmsg = sys_recvmmsg,
    .sendmmsg = sys_sendmmsg,
    .sendmsg = sendmsg,
    .sendfile = sendfile,
    .pread = pread,
    .recvmsg = recvmsg,
    .pipe2 = pipe2,
    .fcntl = sys_fcntl,
    .splice = sys_splice,
    .shutdown = shutdown,
    .getsockopt = getsockopt,
    .setsockopt = setsockopt,
    .getsockname = sys_getsockname,
    .getpeername = sys_getpeername,
    .lstat = lstat,
    .unlink = unlink,
    .fchmod = fchmod,
    .fchmodat = fchmodat,
    .realloc = realloc,
    .free = free,
};

const struct cel_sys *cel_sys_default(void) {
    return &kernel;
}

#ifndef __has_feature
#define __has_feature(feature) 0
#endif
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) ||                         \
    __has_feature(memory_sanitizer) || defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define IS_SANITIZED 1
#else
#define IS_SANITIZED 0
#endif

const struct cel_sys *_Nullable const cel_sys_direct =
    CEL__CALLS_DIRECTLY && !IS_SANITIZED ? &kernel : NULL;

int cel__grow(const struct cel_sys *sys, void *_Nullable *_Nonnull array, uint32_t *capacity,
              size_t size, uint32_t needed) {
    if (needed <= *capacity) return 0;
    // Twice as much each time keeps the cost of growing constant per element. Indices have 32 bits,
    // of which the last value means "none".
    uint64_t wanted = *capacity == 0 ? 16 : (uint64_t)*capacity * 2;
    if (wanted < needed) wanted = needed;
    if (wanted >= CEL__NONE) return -ENOMEM;
    void *grown = sys->realloc(*array, wanted * size);
    if (grown == NULL) return -ENOMEM;
    *array = grown;
    *capacity = (uint32_t)wanted;
    return 0;
}

int cel__read_counter(const struct cel_sys *sys, int fd) {
    uint64_t counter;
    for (;;) {
        if (sys->read(fd, &counter, sizeof counter) >= 0) return 0;
        int error = errno;
        if (error != EINTR) return -error;
    }
}

int cel_fd_close(const struct cel_sys *sys, int fd) {
    if (sys->close(fd) == 0) return 0;
    int error = errno;
    // Linux releases the number before it can be interrupted. To close again would hit a stranger.
    return error == EINTR ? 0 : -error;
}

void cel_error_message(int error, char *out, size_t capacity) {
    char buffer[128];
    // The GNU form: it may return a text of its own instead of filling the buffer.
    const char *text = strerror_r(error, buffer, sizeof(buffer));
    snprintf(out, capacity, "%s", text);
}
