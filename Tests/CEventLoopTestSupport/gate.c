/// The gated table, and calls that Swift cannot make: errno, dispositions of signals, descriptors.
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "CEventLoopTestSupport.h"

static atomic_bool gate_is_open;
static atomic_int arrivals;
static struct cel_sys gated;

/// Called in a signal handler: nothing but atomics, sched_yield and write.
static ssize_t gated_write(int fd, const void *buffer, size_t count) {
    atomic_fetch_add(&arrivals, 1);
    while (!atomic_load(&gate_is_open)) sched_yield();
    return cel_sys_default()->write(fd, buffer, count);
}

const struct cel_sys *script_gated_sys(void) {
    gated = *cel_sys_default();
    gated.write = gated_write;
    return &gated;
}

void script_gate_set(bool open) {
    atomic_store(&gate_is_open, open);
}

int script_gate_arrivals(void) {
    return atomic_load(&arrivals);
}

int script_pipe(int *ends) {
    return pipe2(ends, O_NONBLOCK | O_CLOEXEC);
}

int script_event(bool readable) {
    return eventfd(readable ? 1 : 0, EFD_NONBLOCK | EFD_CLOEXEC);
}

int script_errno(void) {
    return errno;
}

void script_set_errno(int error) {
    errno = error;
}

int script_disposition(int signo) {
    struct sigaction action;
    if (sigaction(signo, NULL, &action) < 0) return -1;
    if (action.sa_handler == SIG_DFL) return 0;
    return action.sa_handler == SIG_IGN ? 1 : 2;
}

static void do_nothing(int signo) {
    (void)signo;
}

void script_set_disposition(int signo, int disposition) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = disposition == 0 ? SIG_DFL : disposition == 1 ? SIG_IGN : do_nothing;
    sigaction(signo, &action, NULL);
}

void script_raise(int signo, bool process) {
    int saved = errno;
    sigset_t set, before;
    sigemptyset(&set);
    sigaddset(&set, signo);
    pthread_sigmask(SIG_UNBLOCK, &set, &before);
    errno = saved;
    if (process) {
        kill(getpid(), signo);
    } else {
        raise(signo);
    }
    saved = errno;
    // A signal to the process may be on its way to any thread; it finds this one open until it
    // came.
    while (process && script_disposition(signo) == 2) sched_yield();
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = saved;
}
