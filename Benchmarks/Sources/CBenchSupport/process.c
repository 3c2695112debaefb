#include "bench_process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench_clock.h"

extern char **environ;

int bench_spawn_self(char *const *arguments, pid_t *pid, int *output) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return -errno;
    }
    posix_spawn_file_actions_t actions;
    int error = posix_spawn_file_actions_init(&actions);
    if (error == 0) {
        error = posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
        if (error == 0) {
            error = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null",
                                                     O_RDONLY, 0);
        }
        if (error == 0) {
            error = posix_spawn(pid, "/proc/self/exe", &actions, NULL, arguments, environ);
        }
        posix_spawn_file_actions_destroy(&actions);
    }
    close(ends[1]);
    if (error != 0) {
        close(ends[0]);
        return -error;
    }
    *output = ends[0];
    return 0;
}

/* Waits until `fd` can be read or the deadline has passed: 0, -ETIMEDOUT or another -errno. */
static int wait_readable(int fd, int64_t deadline_ns) {
    for (;;) {
        int64_t left_ms = (deadline_ns - bench_wall_ns()) / 1000000;
        struct pollfd entry = {.fd = fd, .events = POLLIN};
        int ready = poll(&entry, 1, left_ms > 0 ? (int)left_ms : 0);
        if (ready > 0) {
            return 0;
        }
        if (ready == 0) {
            return -ETIMEDOUT;
        }
        if (errno != EINTR) {
            return -errno;
        }
    }
}

int bench_read_line(int fd, char *line, size_t capacity, int timeout_ms) {
    int64_t deadline = bench_wall_ns() + (int64_t)timeout_ms * 1000000;
    size_t length = 0;
    while (length + 1 < capacity) {
        int error = wait_readable(fd, deadline);
        if (error != 0) {
            return error;
        }
        /* A byte at a time: a line is all that is ever read, and nobody times this. */
        ssize_t count = read(fd, line + length, 1);
        if (count == 0) {
            return -EPIPE;
        }
        if (count < 0) {
            if (errno == EINTR) {
                continue;
            }
            return -errno;
        }
        if (line[length] == '\n') {
            break;
        }
        length++;
    }
    line[length] = '\0';
    return (int)length;
}

int bench_kill_and_reap(pid_t pid) {
    int status = 0;
    kill(pid, SIGKILL);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return status;
}

int bench_end_with_parent(pid_t parent, unsigned seconds) {
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) {
        return -errno;
    }
    alarm(seconds);
    /* The parent may have ended before prctl took effect. */
    return getppid() == parent ? 0 : -ESRCH;
}

int bench_allowed_cores(int *cores, int capacity) {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0) {
        return -errno;
    }
    int count = 0;
    for (int core = 0; core < CPU_SETSIZE && count < capacity; core++) {
        if (CPU_ISSET(core, &set)) {
            cores[count++] = core;
        }
    }
    return count;
}

int bench_confine(const int *cores, int count) {
    cpu_set_t set;
    CPU_ZERO(&set);
    for (int index = 0; index < count; index++) {
        CPU_SET(cores[index], &set);
    }
    return sched_setaffinity(0, sizeof set, &set) == 0 ? 0 : -errno;
}
