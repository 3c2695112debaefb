/// Transfers inside the kernel. send(2) can be told not to raise SIGPIPE; sendfile(2) and splice(2)
/// cannot, so the calling thread does not take the signal while it is in one of them.
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>

#include "internal.h"

/// How the thread stood to SIGPIPE before.
struct pipe_signal {
    sigset_t mask;
    bool was_pending;
};

static sigset_t only_pipe_signal(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGPIPE);
    return set;
}

static void hold(struct pipe_signal *held) {
    sigset_t set = only_pipe_signal();
    (void)pthread_sigmask(SIG_BLOCK, &set, &held->mask);
    held->was_pending = false;
    // One can be pending only where somebody else has blocked it.
    if (sigismember(&held->mask, SIGPIPE) != 1) return;
    sigset_t pending;
    held->was_pending = sigpending(&pending) == 0 && sigismember(&pending, SIGPIPE) == 1;
}

/// Takes the signal that our call raised, and no other.
static void let_go(const struct pipe_signal *held, bool raised) {
    sigset_t set = only_pipe_signal();
    const struct timespec now = {0};
    if (raised && !held->was_pending) {
        while (sigtimedwait(&set, NULL, &now) < 0 && errno == EINTR) continue;
    }
    (void)pthread_sigmask(SIG_SETMASK, &held->mask, NULL);
}

ssize_t cel_transfer_file(const struct cel_sys *sys, int fd, int file, uint64_t offset,
                          size_t count) {
    if (count == 0) return 0;
    off_t position = (off_t)offset;
    struct pipe_signal held;
    hold(&held);
    CEL__RETRY(ssize_t, sent, sys->sendfile(fd, file, &position, count));
    let_go(&held, sent == -EPIPE);
    return sent;
}

ssize_t cel_file_read(const struct cel_sys *sys, int file, void *buffer, size_t count,
                      uint64_t offset) {
    CEL__RETRY(ssize_t, received, sys->pread(file, buffer, count, (off_t)offset));
    return received;
}

int cel_pipe_open(const struct cel_sys *sys, int size, int *read_end, int *write_end) {
    int ends[2];
    CEL__RETRY(int, result, sys->pipe2(ends, O_NONBLOCK | O_CLOEXEC));
    if (result < 0) return result;
    // Who may have no more is left with what the kernel gives everybody.
    (void)sys->fcntl(ends[1], F_SETPIPE_SZ, size);
    *read_end = ends[0];
    *write_end = ends[1];
    return 0;
}

ssize_t cel_pipe_read(const struct cel_sys *sys, int pipe, void *buffer, size_t count) {
    CEL__RETRY(ssize_t, received, sys->read(pipe, buffer, count));
    return received;
}

// A pipe that nobody reads raises SIGPIPE, too; but its reader is the caller.
ssize_t cel_splice_receive(const struct cel_sys *sys, int fd, int pipe, size_t count) {
    if (count == 0) return 0;
    CEL__RETRY(ssize_t, moved, sys->splice(fd, pipe, count, SPLICE_F_MOVE | SPLICE_F_NONBLOCK));
    return moved;
}

ssize_t cel_splice_send(const struct cel_sys *sys, int pipe, int fd, size_t count) {
    if (count == 0) return 0;
    struct pipe_signal held;
    hold(&held);
    CEL__RETRY(ssize_t, moved, sys->splice(pipe, fd, count, SPLICE_F_MOVE | SPLICE_F_NONBLOCK));
    let_go(&held, moved == -EPIPE);
    return moved;
}
