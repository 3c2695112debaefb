#include "bench_peers.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "bench_echo.h"

enum { GREETING = 16, CHUNK = 65536, PATIENCE_MS = 5000 };

/* One message, sent and answered. */
static int greet(int fd) {
    char sent[GREETING] = "hold the line  ";
    char received[GREETING];
    if (send(fd, sent, sizeof sent, MSG_NOSIGNAL) != (ssize_t)sizeof sent) {
        return errno != 0 ? -errno : -EMSGSIZE;
    }
    size_t length = 0;
    while (length < sizeof received) {
        struct pollfd entry = {.fd = fd, .events = POLLIN};
        if (poll(&entry, 1, PATIENCE_MS) == 0) {
            return -ETIMEDOUT;
        }
        ssize_t count = recv(fd, received + length, sizeof received - length, 0);
        if (count <= 0) {
            return count == 0 ? -ECONNRESET : -errno;
        }
        length += (size_t)count;
    }
    return memcmp(sent, received, sizeof sent) == 0 ? 0 : -EBADMSG;
}

void bench_release(const int *connections, int count) {
    for (int index = 0; index < count; index++) {
        close(connections[index]);
    }
}

int bench_hold(uint16_t port, int count, int *connections) {
    for (int index = 0; index < count; index++) {
        int fd = bench_connect(port);
        int error = fd < 0 ? fd : greet(fd);
        if (error != 0) {
            if (fd >= 0) {
                close(fd);
            }
            bench_release(connections, index);
            return error;
        }
        connections[index] = fd;
    }
    return 0;
}

int bench_churn(uint16_t port, int total, int at_once) {
    int *connections = calloc((size_t)at_once, sizeof *connections);
    if (connections == NULL) {
        return -ENOMEM;
    }
    int error = 0;
    for (int made = 0; made < total && error == 0; made += at_once) {
        int count = total - made < at_once ? total - made : at_once;
        error = bench_hold(port, count, connections);
        if (error == 0) {
            bench_release(connections, count);
        }
    }
    free(connections);
    return error;
}

int bench_trickle(const int *connections, int count, int period_ms) {
    char buffer[GREETING];
    int64_t pause = (int64_t)period_ms * 1000000 / count;
    struct timespec interval = {.tv_sec = pause / 1000000000, .tv_nsec = pause % 1000000000};
    for (int index = 0;; index = (index + 1) % count) {
        if (recv(connections[index], buffer, sizeof buffer, MSG_DONTWAIT) == 0) {
            return -ECONNRESET;
        }
        if (send(connections[index], buffer, 1, MSG_NOSIGNAL) != 1) {
            return -errno;
        }
        nanosleep(&interval, NULL);
    }
}

int bench_flood(uint16_t port) {
    static char chunk[CHUNK];
    int fd = bench_connect(port);
    if (fd < 0) {
        return fd;
    }
    for (;;) {
        struct pollfd entry = {.fd = fd, .events = POLLIN | POLLOUT};
        ssize_t count = poll(&entry, 1, -1);
        if (count > 0 && (entry.revents & ~POLLOUT) != 0) {
            count = recv(fd, chunk, sizeof chunk, MSG_DONTWAIT);
            if (count == 0) {
                errno = ECONNRESET;
                count = -1;
            }
        }
        if (count > 0 && (entry.revents & POLLOUT) != 0) {
            count = send(fd, chunk, sizeof chunk, MSG_DONTWAIT | MSG_NOSIGNAL);
        }
        if (count < 0 && errno != EAGAIN && errno != EINTR) {
            int error = errno;
            close(fd);
            return -error;
        }
    }
}
