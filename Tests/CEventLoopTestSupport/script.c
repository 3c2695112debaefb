/// The scripted table: one script a thread, and one function a call.
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "CEventLoopTestSupport.h"

struct script {
    uint64_t counts[SCRIPT_CALLS];
    uint64_t fail_from[SCRIPT_CALLS]; ///< Number of the first call that fails; 0 for none.
    uint64_t fail_times[SCRIPT_CALLS];
    int fail_error[SCRIPT_CALLS];
    int64_t descriptors;
    int64_t blocks;
    size_t bytes;
    size_t largest_block;
    bool fake;
    uint64_t now_ns;
    uint64_t armed_ns; ///< Fake: the time that is set and was not read; 0 for none.
    int epoll_fd, timer_fd, event_fd;
    epoll_data_t timer_data;
    struct itimerspec timer_value;
    int timer_flags;
    int wait_timeout, wait_limit;
};

static _Thread_local struct script script;

void script_reset(void) {
    script = (struct script){.epoll_fd = -1, .timer_fd = -1, .event_fd = -1};
    script_reset_datagrams();
}

/// Counts the call. Whether it is to fail; then errno says how.
static bool fails(enum script_call call) {
    uint64_t number = ++script.counts[call];
    uint64_t from = script.fail_from[call];
    if (from == 0 || number < from || number - from >= script.fail_times[call]) return false;
    errno = script.fail_error[call];
    return true;
}

/// Counts a new descriptor, if it is one.
static int opened(int fd) {
    if (fd >= 0) script.descriptors++;
    return fd;
}

static int scripted_epoll_create1(int flags) {
    if (fails(SCRIPT_EPOLL_CREATE1)) return -1;
    return script.epoll_fd = opened(cel_sys_default()->epoll_create1(flags));
}

static int scripted_timerfd_create(int clock, int flags) {
    if (fails(SCRIPT_TIMERFD_CREATE)) return -1;
    return script.timer_fd = opened(cel_sys_default()->timerfd_create(clock, flags));
}

static int scripted_eventfd(unsigned initial, int flags) {
    if (fails(SCRIPT_EVENTFD)) return -1;
    return script.event_fd = opened(cel_sys_default()->eventfd(initial, flags));
}

static int scripted_epoll_ctl(int epfd, int op, int fd, struct epoll_event *_Nullable event) {
    if (fails(SCRIPT_EPOLL_CTL)) return -1;
    if (fd == script.timer_fd && op == EPOLL_CTL_ADD) script.timer_data = event->data;
    return cel_sys_default()->epoll_ctl(epfd, op, fd, event);
}

static bool timer_has_expired(void) {
    return script.armed_ns != 0 && script.armed_ns <= script.now_ns;
}

/// The fake clock's wait: descriptors are real, and the timer descriptor follows the fake time.
static int fake_wait(int epfd, struct epoll_event *events, int limit, int timeout_ms) {
    int room = timer_has_expired() ? limit - 1 : limit;
    int count = room == 0 ? 0 : cel_sys_default()->epoll_wait(epfd, events, room, 0);
    if (count == 0 && timeout_ms < 0 && script.armed_ns == 0) {
        errno = EDEADLK;
        return -1;
    }
    if (count == 0 && timeout_ms < 0 && !timer_has_expired()) script.now_ns = script.armed_ns;
    if (count >= 0 && count < limit && timer_has_expired()) {
        events[count++] = (struct epoll_event){.events = EPOLLIN, .data = script.timer_data};
    }
    return count;
}

static int scripted_epoll_wait(int epfd, struct epoll_event *events, int limit, int timeout_ms) {
    script.wait_timeout = timeout_ms;
    script.wait_limit = limit;
    if (fails(SCRIPT_EPOLL_WAIT)) return -1;
    if (script.fake) return fake_wait(epfd, events, limit, timeout_ms);
    return cel_sys_default()->epoll_wait(epfd, events, limit, timeout_ms);
}

static int scripted_timerfd_settime(int fd, int flags, const struct itimerspec *value,
                                    struct itimerspec *_Nullable old) {
    if (fails(SCRIPT_TIMERFD_SETTIME)) return -1;
    script.timer_value = *value;
    script.timer_flags = flags;
    if (!script.fake) return cel_sys_default()->timerfd_settime(fd, flags, value, old);
    const struct timespec *at = &value->it_value;
    script.armed_ns = (uint64_t)at->tv_sec * 1000000000 + (uint64_t)at->tv_nsec;
    return 0;
}

static ssize_t scripted_read(int fd, void *buffer, size_t count) {
    if (fails(SCRIPT_READ)) return -1;
    if (!script.fake || fd != script.timer_fd) return cel_sys_default()->read(fd, buffer, count);
    if (!timer_has_expired()) {
        errno = EAGAIN;
        return -1;
    }
    script.armed_ns = 0;
    memset(buffer, 0, count);
    return (ssize_t)count;
}

static ssize_t scripted_write(int fd, const void *buffer, size_t count) {
    return fails(SCRIPT_WRITE) ? -1 : cel_sys_default()->write(fd, buffer, count);
}

static int scripted_close(int fd) {
    bool failing = fails(SCRIPT_CLOSE);
    int error = errno;
    int result = cel_sys_default()->close(fd);
    if (result == 0) script.descriptors--;
    if (!failing) return result;
    errno = error;
    return -1;
}

static int scripted_clock_gettime(clockid_t clock, struct timespec *out) {
    if (fails(SCRIPT_CLOCK_GETTIME)) return -1;
    if (!script.fake) return cel_sys_default()->clock_gettime(clock, out);
    out->tv_sec = (time_t)(script.now_ns / 1000000000);
    out->tv_nsec = (long)(script.now_ns % 1000000000);
    return 0;
}

static int scripted_socket(int domain, int type, int protocol) {
    if (fails(SCRIPT_SOCKET)) return -1;
    return opened(cel_sys_default()->socket(domain, type, protocol));
}

static int scripted_socketpair(int domain, int type, int protocol, int *ends) {
    if (fails(SCRIPT_SOCKETPAIR)) return -1;
    int result = cel_sys_default()->socketpair(domain, type, protocol, ends);
    if (result == 0) script.descriptors += 2;
    return result;
}

static int scripted_bind(int fd, const struct sockaddr *address, socklen_t length) {
    return fails(SCRIPT_BIND) ? -1 : cel_sys_default()->bind(fd, address, length);
}

static int scripted_listen(int fd, int backlog) {
    return fails(SCRIPT_LISTEN) ? -1 : cel_sys_default()->listen(fd, backlog);
}

static int scripted_accept4(int fd, struct sockaddr *_Nullable address,
                            socklen_t *_Nullable length, int flags) {
    if (fails(SCRIPT_ACCEPT4)) return -1;
    return opened(cel_sys_default()->accept4(fd, address, length, flags));
}

static int scripted_connect(int fd, const struct sockaddr *address, socklen_t length) {
    return fails(SCRIPT_CONNECT) ? -1 : cel_sys_default()->connect(fd, address, length);
}

static ssize_t scripted_recv(int fd, void *buffer, size_t count, int flags) {
    return fails(SCRIPT_RECV) ? -1 : cel_sys_default()->recv(fd, buffer, count, flags);
}

static ssize_t scripted_send(int fd, const void *buffer, size_t count, int flags) {
    return fails(SCRIPT_SEND) ? -1 : cel_sys_default()->send(fd, buffer, count, flags);
}

static int scripted_recvmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags) {
    if (fails(SCRIPT_RECVMMSG)) return -1;
    return cel_sys_default()->recvmmsg(fd, messages, count, flags);
}

static int scripted_sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags) {
    if (fails(SCRIPT_SENDMMSG)) return -1;
    return script_send_datagrams(fd, messages, count, flags);
}

static ssize_t scripted_sendmsg(int fd, const struct msghdr *message, int flags) {
    return fails(SCRIPT_SENDMSG) ? -1 : cel_sys_default()->sendmsg(fd, message, flags);
}

static ssize_t scripted_sendfile(int fd, int file, off_t *_Nullable offset, size_t count) {
    return fails(SCRIPT_SENDFILE) ? -1 : cel_sys_default()->sendfile(fd, file, offset, count);
}

static ssize_t scripted_pread(int fd, void *buffer, size_t count, off_t offset) {
    return fails(SCRIPT_PREAD) ? -1 : cel_sys_default()->pread(fd, buffer, count, offset);
}

/// Counts the descriptors that came with a message, as somebody has to close them.
static void count_received(struct msghdr *message) {
    for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header != NULL;
         header = CMSG_NXTHDR(message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
        script.descriptors += (int64_t)((header->cmsg_len - CMSG_LEN(0)) / sizeof(int));
    }
}

static ssize_t scripted_recvmsg(int fd, struct msghdr *message, int flags) {
    if (fails(SCRIPT_RECVMSG)) return -1;
    ssize_t received = cel_sys_default()->recvmsg(fd, message, flags);
    if (received >= 0) count_received(message);
    return received;
}

static int scripted_fchmod(int fd, mode_t mode) {
    return fails(SCRIPT_FCHMOD) ? -1 : cel_sys_default()->fchmod(fd, mode);
}

static int scripted_fchmodat(int folder, const char *path, mode_t mode, int flags) {
    return fails(SCRIPT_FCHMODAT) ? -1 : cel_sys_default()->fchmodat(folder, path, mode, flags);
}

static int scripted_pipe2(int *ends, int flags) {
    if (fails(SCRIPT_PIPE2)) return -1;
    int result = cel_sys_default()->pipe2(ends, flags);
    if (result == 0) script.descriptors += 2;
    return result;
}

static int scripted_fcntl(int fd, int command, int value) {
    return fails(SCRIPT_FCNTL) ? -1 : cel_sys_default()->fcntl(fd, command, value);
}

static ssize_t scripted_splice(int from, int to, size_t count, unsigned flags) {
    return fails(SCRIPT_SPLICE) ? -1 : cel_sys_default()->splice(from, to, count, flags);
}

static int scripted_lstat(const char *path, struct stat *out) {
    return fails(SCRIPT_LSTAT) ? -1 : cel_sys_default()->lstat(path, out);
}

static int scripted_unlink(const char *path) {
    return fails(SCRIPT_UNLINK) ? -1 : cel_sys_default()->unlink(path);
}

static int scripted_shutdown(int fd, int how) {
    return fails(SCRIPT_SHUTDOWN) ? -1 : cel_sys_default()->shutdown(fd, how);
}

static int scripted_getsockopt(int fd, int level, int name, void *value, socklen_t *length) {
    if (fails(SCRIPT_GETSOCKOPT)) return -1;
    return cel_sys_default()->getsockopt(fd, level, name, value, length);
}

static int scripted_setsockopt(int fd, int level, int name, const void *value, socklen_t length) {
    if (fails(SCRIPT_SETSOCKOPT)) return -1;
    return cel_sys_default()->setsockopt(fd, level, name, value, length);
}

static int scripted_getsockname(int fd, struct sockaddr *address, socklen_t *length) {
    return fails(SCRIPT_GETSOCKNAME) ? -1 : cel_sys_default()->getsockname(fd, address, length);
}

static int scripted_getpeername(int fd, struct sockaddr *address, socklen_t *length) {
    return fails(SCRIPT_GETPEERNAME) ? -1 : cel_sys_default()->getpeername(fd, address, length);
}

static void *_Nullable scripted_realloc(void *_Nullable memory, size_t size) {
    if (fails(SCRIPT_REALLOC)) return NULL;
    size_t before = malloc_usable_size(memory);
    void *result = realloc(memory, size);
    if (result == NULL) return NULL;
    if (memory == NULL) script.blocks++;
    if (size > script.largest_block) script.largest_block = size;
    script.bytes += malloc_usable_size(result) - before;
    return result;
}

static void scripted_free(void *_Nullable memory) {
    if (memory != NULL) script.blocks--;
    script.bytes -= malloc_usable_size(memory);
    free(memory);
}

static const struct cel_sys scripted = {
    .epoll_create1 = scripted_epoll_create1,
    .epoll_ctl = scripted_epoll_ctl,
    .epoll_wait = scripted_epoll_wait,
    .timerfd_create = scripted_timerfd_create,
    .timerfd_settime = scripted_timerfd_settime,
    .eventfd = scripted_eventfd,
    .read = scripted_read,
    .write = scripted_write,
    .close = scripted_close,
    .clock_gettime = scripted_clock_gettime,
    .socket = scripted_socket,
    .socketpair = scripted_socketpair,
    .bind = scripted_bind,
    .listen = scripted_listen,
    .accept4 = scripted_accept4,
    .connect = scripted_connect,
    .recv = scripted_recv,
    .send = scripted_send,
    .recvmmsg = scripted_recvmmsg,
    .sendmmsg = scripted_sendmmsg,
    .sendmsg = scripted_sendmsg,
    .sendfile = scripted_sendfile,
    .pread = scripted_pread,
    .recvmsg = scripted_recvmsg,
    .pipe2 = scripted_pipe2,
    .fcntl = scripted_fcntl,
    .splice = scripted_splice,
    .shutdown = scripted_shutdown,
    .getsockopt = scripted_getsockopt,
    .setsockopt = scripted_setsockopt,
    .getsockname = scripted_getsockname,
    .getpeername = scripted_getpeername,
    .lstat = scripted_lstat,
    .unlink = scripted_unlink,
    .fchmod = scripted_fchmod,
    .fchmodat = scripted_fchmodat,
    .realloc = scripted_realloc,
    .free = scripted_free,
};

const struct cel_sys *script_sys(void) {
    return &scripted;
}

uint64_t script_count(enum script_call call) {
    return script.counts[call];
}

void script_fail(enum script_call call, uint64_t nth, uint64_t times, int error) {
    script.fail_from[call] = script.counts[call] + nth;
    script.fail_times[call] = times;
    script.fail_error[call] = error;
}

int64_t script_open_descriptors(void) {
    return script.descriptors;
}

int64_t script_live_blocks(void) {
    return script.blocks;
}

size_t script_live_bytes(void) {
    return script.bytes;
}

size_t script_largest_block(void) {
    return script.largest_block;
}

void script_set_clock(uint64_t now_ns) {
    script.fake = true;
    script.now_ns = now_ns;
}

int script_descriptor(enum script_call call) {
    if (call == SCRIPT_EPOLL_CREATE1) return script.epoll_fd;
    return call == SCRIPT_TIMERFD_CREATE ? script.timer_fd : script.event_fd;
}

struct itimerspec script_timer_value(void) {
    return script.timer_value;
}

int script_timer_flags(void) {
    return script.timer_flags;
}

int script_wait_timeout(void) {
    return script.wait_timeout;
}

int script_wait_limit(void) {
    return script.wait_limit;
}

bool script_is_sanitized(void) {
    return __has_feature(address_sanitizer) || __has_feature(thread_sanitizer);
}
