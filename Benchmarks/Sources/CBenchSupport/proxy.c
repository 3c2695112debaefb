/*
 * The proxy a patient C programmer would write for small messages: it reads into one buffer that all
 * connections share and writes from there at once. Only bytes that a socket does not take are kept
 * for it, and nothing more is read for it until they are gone. splice(2) would take two system calls
 * for each read and write as well, through a pipe: for small messages that is no gain.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench_echo.h"
#include "bench_proxy.h"

enum { BATCH = 256, BUFFER = 65536 };

typedef struct pair pair;

/* One of the two connections. */
typedef struct side {
    int fd;
    bool connecting;
    bool ending;  /* its end has been announced: no further edge comes for what is still there */
    bool ended;   /* all it sent has been read, and its end passed on */
    char *held;   /* what it has not taken yet, or NULL */
    size_t held_size, held_sent;
    struct side *other;
    pair *pair;
} side;

struct pair {
    side client, upstream;
    bool closed;
    pair *next;  /* of those closed in this batch */
};

typedef struct proxy {
    int epoll, listener;
    uint16_t target;
    pair *closed;
} proxy;

/* The number of bytes taken, 0 if none are now, or -errno. */
static ssize_t give(int fd, const char *bytes, size_t size) {
    ssize_t count;
    do {
        count = send(fd, bytes, size, MSG_NOSIGNAL);
    } while (count < 0 && errno == EINTR);
    return count >= 0 ? count : errno == EAGAIN ? 0 : -errno;
}

/* Writes the bytes, and keeps the rest if the socket does not take all. */
static int give_or_hold(side *target, const char *bytes, size_t size) {
    ssize_t sent = give(target->fd, bytes, size);
    if (sent < 0) {
        return (int)sent;
    }
    if ((size_t)sent < size) {
        target->held_size = size - (size_t)sent;
        target->held_sent = 0;
        target->held = malloc(target->held_size);
        if (target->held == NULL) {
            return -ENOMEM;
        }
        memcpy(target->held, bytes + sent, target->held_size);
    }
    return 0;
}

static int give_held(side *target) {
    ssize_t sent = give(target->fd, target->held + target->held_sent,
                        target->held_size - target->held_sent);
    if (sent < 0) {
        return (int)sent;
    }
    target->held_sent += (size_t)sent;
    if (target->held_sent == target->held_size) {
        free(target->held);
        target->held = NULL;
    }
    return 0;
}

/* Passes on what has come, until there is no more or the other side takes no more. */
static int pass_on(side *source) {
    static char buffer[BUFFER];
    side *target = source->other;
    while (!source->ended && !target->connecting && target->held == NULL) {
        ssize_t count = recv(source->fd, buffer, sizeof buffer, 0);
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count < 0) {
            return errno == EAGAIN ? 0 : -errno;
        }
        if (count == 0) {
            source->ended = true;
            return shutdown(target->fd, SHUT_WR) == 0 ? 0 : -errno;
        }
        int error = give_or_hold(target, buffer, (size_t)count);
        if (error != 0 || (count < (ssize_t)sizeof buffer && !source->ending)) {
            return error;
        }
    }
    return 0;
}

static int finish_connecting(side *upstream) {
    int error = 0;
    socklen_t size = sizeof error;
    if (getsockopt(upstream->fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) {
        return -errno;
    }
    upstream->connecting = false;
    return -error;
}

/* What an event of one side means for both. */
static int handle(side *side, uint32_t events) {
    int error = 0;
    if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) {
        side->ending = true;
    }
    if (side->connecting) {
        error = finish_connecting(side);
        if (error == 0) {
            error = pass_on(side->other);
        }
    } else if (side->held != NULL && (events & EPOLLOUT)) {
        error = give_held(side);
        if (error == 0) {
            error = pass_on(side->other);
        }
    }
    if (error == 0 && (side->ending || (events & EPOLLIN))) {
        error = pass_on(side);
    }
    return error;
}

/* Closes both. The pair stays until the batch is over, which may have another event of it. */
static void close_pair(proxy *proxy, pair *pair) {
    close(pair->client.fd);
    close(pair->upstream.fd);
    free(pair->client.held);
    free(pair->upstream.held);
    pair->closed = true;
    pair->next = proxy->closed;
    proxy->closed = pair;
}

static void free_closed(proxy *proxy) {
    while (proxy->closed != NULL) {
        pair *pair = proxy->closed;
        proxy->closed = pair->next;
        free(pair);
    }
}

static int connect_upstream(uint16_t port) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -errno;
    }
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0 && errno != EINPROGRESS) {
        int error = errno;
        close(fd);
        return -error;
    }
    return fd;
}

static int add(proxy *proxy, side *side) {
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
                                .data.ptr = side};
    return epoll_ctl(proxy->epoll, EPOLL_CTL_ADD, side->fd, &event) == 0 ? 0 : -errno;
}

/* Connects a new client with the target; takes the client over. */
static int open_pair(proxy *proxy, int client) {
    int upstream = connect_upstream(proxy->target);
    if (upstream < 0) {
        close(client);
        return upstream;
    }
    pair *pair = calloc(1, sizeof *pair);
    if (pair == NULL) {
        close(client);
        close(upstream);
        return -ENOMEM;
    }
    pair->client = (side){.fd = client, .other = &pair->upstream, .pair = pair};
    pair->upstream =
        (side){.fd = upstream, .connecting = true, .other = &pair->client, .pair = pair};
    int error = add(proxy, &pair->upstream);
    if (error == 0) {
        error = add(proxy, &pair->client);
    }
    if (error != 0) {
        close_pair(proxy, pair);
    }
    return error;
}

static int accept_all(proxy *proxy) {
    for (;;) {
        int fd = bench_accept(proxy->listener);
        if (fd == -EAGAIN) {
            return 0;
        }
        if (fd == -EINTR || fd == -ECONNABORTED) {
            continue;
        }
        int error = fd < 0 ? fd : open_pair(proxy, fd);
        if (error != 0) {
            return error;
        }
    }
}

static int turn(proxy *proxy) {
    struct epoll_event events[BATCH];
    int count = epoll_wait(proxy->epoll, events, BATCH, -1);
    if (count < 0) {
        return errno == EINTR ? 0 : -errno;
    }
    int error = 0;
    for (int index = 0; index < count && error == 0; index++) {
        side *side = events[index].data.ptr;
        if (side == NULL) {
            error = accept_all(proxy);
            continue;
        }
        pair *pair = side->pair;
        if (pair->closed) {
            continue;
        }
        int broken = handle(side, events[index].events);
        bool ended = pair->client.ended && pair->upstream.ended;
        if (broken != 0 || ended) {
            close_pair(proxy, pair);
        }
    }
    free_closed(proxy);
    return error;
}

int bench_serve_proxy(int listener, uint16_t target) {
    proxy proxy = {.listener = listener, .target = target};
    proxy.epoll = epoll_create1(EPOLL_CLOEXEC);
    if (proxy.epoll < 0) {
        return -errno;
    }
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.ptr = NULL};
    int error = epoll_ctl(proxy.epoll, EPOLL_CTL_ADD, listener, &event) == 0 ? 0 : -errno;
    while (error == 0) {
        error = turn(&proxy);
    }
    close(proxy.epoll);
    return error;
}
