/// An echo server with a timer, in plain C: CEventLoop without any Swift.
///
/// One thread, one loop. Completions come in batches, and nothing is called back: `run` asks for a
/// batch, and acts on it. Three rules of edge-triggered readiness show here: go on until a call
/// says EAGAIN, tell the loop so (`cel_fd_clear`), and when going on would take too long, remember
/// to come back, since the kernel will not say it again.
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "CEventLoop.h"

#define BATCH 64
#define SECOND 1000000000u
#define ACCEPTS_PER_TURN 64
#define ROUNDS_PER_TURN 16

struct connection {
    struct connection *next;
    struct connection *previous;
    cel_token token;
    int fd;
    bool unfinished;  ///< Its share of the turn was used up; it is served again in the next.
    size_t sent, end; ///< What waits to be sent is buffer[sent..<end].
    char buffer[16384];
};

struct server {
    cel_loop *loop;
    const struct cel_sys *sys;
    int fd;
    cel_token token;
    bool accepting; ///< There may be more to accept.
    bool busy;      ///< A connection is unfinished.
    bool stopping;
    uint64_t next_tick_ns;
    uint64_t connections, bytes;
    struct connection *first;
};

/// What the `user` value of a completion means; any other one is the address of a connection.
enum { USER_LISTENER = 1, USER_TICK = 2 };

static int fail(const char *what, int result) {
    fprintf(stderr, "c-timer-echo: %s: %s\n", what, strerror(-result));
    return 1;
}

static void end_connection(struct server *server, struct connection *connection) {
    // Deregister before close, always: otherwise the number might be a stranger's by then.
    int result = cel_fd_deregister(server->loop, connection->token);
    if (result == 0) result = cel_fd_close(server->sys, connection->fd);
    if (result < 0) fail("close", result);
    if (server->first == connection) {
        server->first = connection->next;
    } else {
        connection->previous->next = connection->next;
    }
    if (connection->next != NULL) connection->next->previous = connection->previous;
    server->connections--;
    free(connection);
}

static int begin_connection(struct server *server, int fd) {
    struct connection *connection = calloc(1, sizeof *connection);
    if (connection == NULL) return -ENOMEM;
    int result = cel_fd_register(server->loop, fd, CEL_MODE_EDGE, (uint64_t)(uintptr_t)connection,
                                 &connection->token);
    if (result < 0) {
        free(connection);
        return result;
    }
    connection->fd = fd;
    connection->next = server->first;
    if (connection->next != NULL) connection->next->previous = connection;
    server->first = connection;
    server->connections++;
    return 0;
}

/// Accepts what is there, but no more than a turn's share.
static void accept_connections(struct server *server) {
    for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
        struct cel_address peer;
        int fd;
        int result = cel_socket_accept(server->sys, server->fd, &peer, &fd);
        if (result == -EAGAIN) {
            cel_fd_clear(server->loop, server->token, CEL_READABLE);
            server->accepting = false;
            return;
        }
        if (result == -EMFILE || result == -ENFILE || result == -ENOBUFS || result == -ENOMEM) {
            server->accepting = false; // Out of something: the next tick tries again.
            fail("accept", result);
            return;
        }
        if (result < 0) continue; // The error of that one connection, which is gone already.
        result = begin_connection(server, fd);
        if (result < 0) {
            fail("new connection", result);
            if (cel_fd_close(server->sys, fd) < 0) return;
        }
    }
}

/// One receive or one send. Positive if there may be more to do, 0 if it has to wait, or -errno;
/// the end of the stream is -EPIPE.
static int advance(struct server *server, struct connection *connection) {
    char *rest = connection->buffer + connection->sent;
    if (connection->sent < connection->end) {
        size_t count = connection->end - connection->sent;
        ssize_t sent = cel_socket_send(server->sys, connection->fd, rest, count);
        if (sent == -EAGAIN) cel_fd_clear(server->loop, connection->token, CEL_WRITABLE);
        if (sent < 0) return sent == -EAGAIN ? 0 : (int)sent;
        connection->sent += (size_t)sent;
        server->bytes += (uint64_t)sent;
        return 1;
    }
    // Nothing is read before all is written: a peer that does not read is not read from.
    ssize_t received = cel_socket_receive(server->sys, connection->fd, connection->buffer,
                                          sizeof connection->buffer);
    if (received == -EAGAIN) cel_fd_clear(server->loop, connection->token, CEL_READABLE);
    if (received < 0) return received == -EAGAIN ? 0 : (int)received;
    connection->sent = 0;
    connection->end = (size_t)received;
    return received == 0 ? -EPIPE : 1;
}

static void serve(struct server *server, struct connection *connection) {
    int result = 1;
    for (int i = 0; i < ROUNDS_PER_TURN && result > 0; i++) result = advance(server, connection);
    connection->unfinished = result > 0;
    if (result > 0) server->busy = true;
    if (result < 0) end_connection(server, connection);
}

/// Serves the connections that the last turn left unfinished, once more each.
static void serve_unfinished(struct server *server) {
    server->busy = false;
    struct connection *next;
    for (struct connection *connection = server->first; connection != NULL; connection = next) {
        next = connection->next;
        if (connection->unfinished) serve(server, connection);
    }
}

static int tick(struct server *server) {
    struct cel_statistics statistics;
    cel_loop_statistics(server->loop, &statistics);
    fprintf(stderr,
            "connections %" PRIu64 ", bytes %" PRIu64 ", turns %" PRIu64 ", waits %" PRIu64
            ", events %" PRIu64 ", timers %" PRIu64 "\n",
            server->connections, server->bytes, statistics.turns, statistics.waits,
            statistics.events, statistics.timers_fired);
    server->accepting = true;
    // From the last deadline, not from now: the ticks do not drift, unless some were missed.
    uint64_t now = cel_loop_now(server->loop);
    server->next_tick_ns += SECOND;
    if (server->next_tick_ns <= now) server->next_tick_ns = now + SECOND;
    cel_token token;
    return cel_timer_add(server->loop, server->next_tick_ns, USER_TICK, &token);
}

static int handle(struct server *server, const struct cel_completion *completion) {
    if (completion->kind == CEL_KIND_WAKEUP) {
        bool interrupted = cel_interrupt_take(server->loop, SIGINT);
        server->stopping = cel_interrupt_take(server->loop, SIGTERM) || interrupted;
    } else if (completion->user == USER_TICK) {
        return tick(server);
    } else if (!cel_fd_is_current(server->loop, completion->token)) {
        return 0; // An earlier completion of this batch has ended it.
    } else if (completion->user == USER_LISTENER) {
        server->accepting = true;
    } else {
        serve(server, (struct connection *)(uintptr_t)completion->user);
    }
    return 0;
}

static int run(struct server *server) {
    struct cel_completion batch[BATCH];
    while (!server->stopping) {
        bool wait = !server->busy && !server->accepting;
        int count = cel_loop_poll(server->loop, wait, batch, BATCH);
        if (count < 0) return count;
        // Before the batch: what it leaves unfinished has had its share of this turn.
        if (server->busy) serve_unfinished(server);
        for (int i = 0; i < count; i++) {
            int result = handle(server, &batch[i]);
            if (result < 0) return result;
        }
        if (server->accepting) accept_connections(server);
    }
    return 0;
}

static int listen_on(struct server *server, uint16_t port) {
    struct cel_address address;
    int result = cel_address_parse("127.0.0.1", port, &address);
    if (result == 0) result = cel_socket_open(server->sys, AF_INET, &server->fd);
    if (result < 0) return result;
    result = cel_socket_set_option(server->sys, server->fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (result == 0) result = cel_socket_bind(server->sys, server->fd, &address);
    if (result == 0) result = cel_socket_listen(server->sys, server->fd, SOMAXCONN);
    if (result == 0) result = cel_socket_local_address(server->sys, server->fd, &address);
    if (result < 0) return result;
    printf("listening on 127.0.0.1:%u\n", (unsigned)cel_address_port(&address));
    fflush(stdout);
    return cel_fd_register(server->loop, server->fd, CEL_MODE_EDGE, USER_LISTENER, &server->token);
}

/// Routes the signal to the loop. One that whoever started us has set to be ignored stays ignored.
static int open_interrupt(struct server *server, int signo) {
    int result = cel_interrupt_open(server->loop, signo);
    return result == -EBUSY ? 0 : result;
}

static int start(struct server *server, uint16_t port) {
    int result = cel_loop_create(NULL, &server->loop);
    if (result < 0) return result;
    server->sys = cel_loop_sys(server->loop);
    result = open_interrupt(server, SIGINT);
    if (result == 0) result = open_interrupt(server, SIGTERM);
    if (result == 0) result = listen_on(server, port);
    if (result < 0) return result;
    cel_token token;
    server->next_tick_ns = cel_loop_now(server->loop) + SECOND;
    return cel_timer_add(server->loop, server->next_tick_ns, USER_TICK, &token);
}

/// Gives back whatever `start` and `run` have made.
static int stop(struct server *server) {
    if (server->loop == NULL) return 0;
    int result = 0;
    while (server->first != NULL) end_connection(server, server->first);
    if (server->token != CEL_NO_TOKEN) result = cel_fd_deregister(server->loop, server->token);
    if (server->fd >= 0 && result == 0) result = cel_fd_close(server->sys, server->fd);
    cel_interrupt_close(server->loop, SIGINT);
    cel_interrupt_close(server->loop, SIGTERM);
    int destroyed = cel_loop_destroy(server->loop);
    return result < 0 ? result : destroyed;
}

/// Reads a port number, 0 to 65535. False if the text is anything else.
static bool parse_port(const char *text, uint16_t *out) {
    uint32_t port = 0;
    const char *digit = text;
    for (; *digit >= '0' && *digit <= '9' && port <= UINT16_MAX; digit++) {
        port = port * 10 + (uint32_t)(*digit - '0');
    }
    *out = (uint16_t)port;
    return digit != text && *digit == '\0' && port <= UINT16_MAX;
}

int main(int argc, char **argv) {
    uint16_t port = 0;
    if (argc > 2 || (argc == 2 && !parse_port(argv[1], &port))) {
        fprintf(stderr, "c-timer-echo: expected a port from 0 to 65535, or nothing; "
                        "usage: c-timer-echo [port]\n");
        return 64;
    }
    struct server server = {.fd = -1};
    int result = start(&server, port);
    if (result == 0) result = run(&server);
    int stopped = stop(&server);
    if (result < 0) return fail("cannot go on", result);
    return stopped < 0 ? fail("cannot stop", stopped) : 0;
}
