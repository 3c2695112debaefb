/*
 * The server a patient C programmer would write for this load and no other: it is the yardstick,
 * so it carries no state, no buffer and no bookkeeping for a connection.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench_echo.h"

enum { BATCH = 256, BUFFER = BENCH_MAX_MESSAGE };

int bench_listen(int *listener, uint16_t *port) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -errno;
    }
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    if (bind(fd, (struct sockaddr *)&address, length) != 0 ||
        listen(fd, BENCH_MAX_CONNECTIONS) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &length) != 0) {
        int error = errno;
        close(fd);
        return -error;
    }
    *listener = fd;
    *port = ntohs(address.sin_port);
    return 0;
}

int bench_accept(int listener) {
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
        return -errno;
    }
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

static int add(int epoll, int fd, uint32_t events) {
    struct epoll_event event = {.events = events, .data.fd = fd};
    return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0 ? 0 : -errno;
}

static int accept_all(int epoll, int listener) {
    for (;;) {
        int fd = bench_accept(listener);
        if (fd == -EAGAIN) {
            return 0;
        }
        if (fd == -EINTR || fd == -ECONNABORTED) {
            continue;
        }
        if (fd < 0) {
            return fd;
        }
        int error = add(epoll, fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
        if (error != 0) {
            return error;
        }
    }
}

/* A short read means that the socket is drained, except when the end has been announced: then no
 * further edge comes for the data that is still there, and only a read that returns 0 is final. */
static void echo(int fd, uint32_t events) {
    char buffer[BUFFER];
    int ending = (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
    for (;;) {
        ssize_t count = recv(fd, buffer, sizeof buffer, 0);
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count < 0 && errno == EAGAIN) {
            return;
        }
        /* An answer never exceeds the send buffer here, since the client waits for each. */
        if (count <= 0 || send(fd, buffer, (size_t)count, MSG_NOSIGNAL) != count) {
            close(fd);
            return;
        }
        if (count < (ssize_t)sizeof buffer && !ending) {
            return;
        }
    }
}

int bench_serve_epoll(int listener) {
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    if (epoll < 0) {
        return -errno;
    }
    struct epoll_event events[BATCH];
    int error = add(epoll, listener, EPOLLIN | EPOLLET);
    while (error == 0) {
        int count = epoll_wait(epoll, events, BATCH, -1);
        if (count < 0 && errno != EINTR) {
            error = -errno;
        }
        for (int index = 0; index < count && error == 0; index++) {
            if (events[index].data.fd == listener) {
                error = accept_all(epoll, listener);
            } else if (events[index].events & ~(uint32_t)EPOLLOUT) {
                echo(events[index].data.fd, events[index].events);
            }
        }
    }
    close(epoll);
    return error;
}
