/// Interrupts: the first SIGINT or SIGTERM becomes a wake-up of one loop, the second the default
/// action.
///
/// Dispositions belong to the process, and a handler is given nothing but the number of the signal:
/// so this file has the one static table of the library. All of it is atomic.
///
/// SA_RESETHAND puts the default disposition back at the moment of delivery, in the kernel, so that
/// a second signal needs nothing of ours to work. SA_RESTART is for blocking calls elsewhere in the
/// process (epoll_wait is interrupted anyway), SA_ONSTACK for threads whose own stack is small.
///
/// A loop must not be destroyed under a running handler. The handler announces itself in
/// `in_flight` before it looks for the loop; close takes the loop away before it looks at
/// `in_flight`. Both orders are sequentially consistent: either close sees the handler and waits,
/// or the handler sees no loop. A close that itself is interrupted by the handler is not stuck,
/// since the handler runs to its end first.
#include <sched.h>
#include <signal.h>
#include <string.h>

#include "internal.h"

struct route {
    _Atomic(cel_loop *) loop; ///< Who has the signal, or NULL.
    atomic_bool noted;        ///< The signal came and was not taken yet.
    atomic_uint in_flight;    ///< Handlers that may be using the loop.
};

static struct route routes[NSIG];

// A lock inside an atomic would not be safe in a signal handler.
_Static_assert(ATOMIC_POINTER_LOCK_FREE == 2 && ATOMIC_INT_LOCK_FREE == 2 &&
                   ATOMIC_BOOL_LOCK_FREE == 2,
               "a signal handler needs lock-free atomics");

/// Async-signal-safe: atomics and one write; errno stays as it was (see `cel_loop_wakeup`).
static void handle(int signo) {
    struct route *route = &routes[signo];
    atomic_fetch_add(&route->in_flight, 1);
    cel_loop *loop = atomic_load(&route->loop);
    if (loop != NULL) {
        atomic_store(&route->noted, true);
        cel_loop_wakeup(loop);
    }
    atomic_fetch_sub(&route->in_flight, 1);
}

static struct route *_Nullable find(int signo) {
    return signo > 0 && signo < NSIG ? &routes[signo] : NULL;
}

/// Lets nobody have the signal, and waits for handlers that have found the loop before.
static void release(struct route *route) {
    atomic_store(&route->loop, NULL);
    while (atomic_load(&route->in_flight) > 0) sched_yield();
}

/// Installs the handler if the disposition is the default one.
static int install(int signo) {
    struct sigaction current;
    if (sigaction(signo, NULL, &current) < 0) return -errno;
    if (current.sa_handler == handle) return 0;
    if (current.sa_handler != SIG_DFL) return -EBUSY;

    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = handle;
    action.sa_flags = (int)(SA_RESETHAND | SA_RESTART | SA_ONSTACK);
    sigemptyset(&action.sa_mask);
    return sigaction(signo, &action, NULL) < 0 ? -errno : 0;
}

int cel_interrupt_open(cel_loop *loop, int signo) {
    struct route *route = find(signo);
    if (route == NULL) return -EINVAL;
    // The loop that has the signal may open it again, once it came: that asks for the next one.
    cel_loop *owner = NULL;
    bool taken = atomic_compare_exchange_strong(&route->loop, &owner, loop);
    if (!taken && owner != loop) return -EBUSY;
    if (taken) atomic_store(&route->noted, false);
    int result = install(signo);
    if (result < 0 && taken) release(route);
    return result;
}

bool cel_interrupt_take(cel_loop *loop, int signo) {
    struct route *route = find(signo);
    if (route == NULL || atomic_load(&route->loop) != loop) return false;
    return atomic_exchange(&route->noted, false);
}

void cel_interrupt_close(cel_loop *loop, int signo) {
    struct route *route = find(signo);
    if (route == NULL || atomic_load(&route->loop) != loop) return;
    struct sigaction current;
    // Not ours any more: the signal came, or somebody has put a handler of their own over it.
    if (sigaction(signo, NULL, &current) == 0 && current.sa_handler == handle) {
        struct sigaction action;
        memset(&action, 0, sizeof action);
        action.sa_handler = SIG_DFL;
        (void)sigaction(signo, &action, NULL);
    }
    release(route);
}
