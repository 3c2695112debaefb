/// Transfers inside the kernel. send(2) can be told not to raise SIGPIPE; sendfile(2) cannot, so the
/// calling thread does not take the signal while it is in it.
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
