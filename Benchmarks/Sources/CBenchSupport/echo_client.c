/*
 * The load: every connection has at most one message under way. Without a pace it always has one
 * while the client drives, so the number of connections is the depth of the queue in front of the
 * server. One thread, which does little beside the system calls; each answer is compared with what
 * was sent.
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

#include "bench_clock.h"
#include "bench_echo.h"
#include "bench_histogram.h"

enum { BATCH = 32, SILENCE_MS = 1000 };

typedef struct connection {
    int fd;
    bool waits;        /* for the answer to the current message */
    int received;      /* bytes of that answer */
    int64_t began_at;  /* when the message was sent, or was due */
    uint64_t *message;
} connection;

struct bench_echo_client {
    bench_echo_load load;
    int epoll;
    connection *connections;
    uint64_t *messages;
    bool ends;         /* sends nothing more */
    bool measuring;
    int under_way;     /* messages without an answer yet */
    int64_t now;
    int64_t heard_at;  /* when the last answer came */
    int64_t due_at;    /* with a pace: when the next message is due, */
    int next;          /* and on which connection */
    bench_histogram latencies;
};

typedef struct bench_echo_client client;

int bench_connect(uint16_t port) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -errno;
    }
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int on = 1;
    struct timeval patience = {.tv_sec = SILENCE_MS / 1000};
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        int error = errno;
        close(fd);
        return -error;
    }
    return fd;
}

static int send_next(client *client, connection *connection, int64_t due_at) {
    connection->message[0]++;
    connection->waits = true;
    connection->received = 0;
    connection->began_at = due_at;
    size_t size = (size_t)client->load.message_bytes;
    ssize_t count = send(connection->fd, connection->message, size, MSG_NOSIGNAL);
    if (count < 0) {
        return -errno;
    }
    client->under_way++;
    return count == (ssize_t)size ? 0 : -EMSGSIZE;
}

/* Reads what has come. */
static int receive(client *client, connection *connection) {
    char buffer[BENCH_MAX_MESSAGE];
    int wanted = client->load.message_bytes - connection->received;
    ssize_t count = recv(connection->fd, buffer, (size_t)wanted, MSG_DONTWAIT);
    if (count < 0) {
        return errno == EAGAIN || errno == EINTR ? 0 : -errno;
    }
    if (count == 0) {
        return -ECONNRESET;
    }
    const char *expected = (const char *)connection->message + connection->received;
    if (memcmp(buffer, expected, (size_t)count) != 0) {
        return -EBADMSG;
    }
    connection->received += (int)count;
    if (connection->received < client->load.message_bytes) {
        return 0;
    }
    client->now = client->heard_at = bench_wall_ns();
    connection->waits = false;
    client->under_way--;
    if (client->measuring) {
        bench_histogram_record(&client->latencies, client->now - connection->began_at);
    }
    return 0;
}

/* With a pace: sends what has become due. A connection that still waits is passed over; its message
 * shows in the times as what it is, late. */
static int send_due(client *client) {
    while (client->due_at <= client->now) {
        connection *connection = &client->connections[client->next];
        if (!connection->waits) {
            int error = send_next(client, connection, client->due_at);
            if (error != 0) {
                return error;
            }
        }
        client->next = (client->next + 1) % client->load.connections;
        client->due_at += 1000000000 / client->load.pace;
    }
    return 0;
}

static int connect_all(client *client) {
    for (int index = 0; index < client->load.connections; index++) {
        connection *connection = &client->connections[index];
        connection->fd = bench_connect(client->load.port);
        if (connection->fd < 0) {
            return connection->fd;
        }
        connection->message[1] = (uint64_t)index * UINT64_C(0x9E3779B97F4A7C15);
        /* Level-triggered: a partial answer, which is rare, needs no loop in `receive`. */
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
        if (epoll_ctl(client->epoll, EPOLL_CTL_ADD, connection->fd, &event) != 0) {
            return -errno;
        }
    }
    return 0;
}

static int send_first(client *client) {
    for (int index = 0; index < client->load.connections; index++) {
        int error = send_next(client, &client->connections[index], bench_wall_ns());
        if (error != 0) {
            return error;
        }
    }
    return 0;
}

/* After all receives: to receive from many and then send to many costs less than turns of both, and
 * the load should not be the limit. Nor should it wait for memory of its own. */
static int send_to_all(client *client, struct epoll_event *events, int count) {
    int error = 0;
    for (int index = 0; error == 0 && index < count && !client->ends; index++) {
        connection *connection = events[index].data.ptr;
        if (!connection->waits) {
            error = send_next(client, connection, bench_wall_ns());
        }
    }
    return error;
}

static void ask_ahead(struct epoll_event *events, int index, int count) {
    if (index + 2 < count) {
        __builtin_prefetch(events[index + 2].data.ptr);
    }
    if (index + 1 < count) {
        connection *next = events[index + 1].data.ptr;
        __builtin_prefetch(next->message);
    }
}

static int turn(client *client) {
    struct epoll_event events[BATCH];
    bool paced = client->load.pace > 0 && !client->ends;
    int count = epoll_wait(client->epoll, events, BATCH, paced ? 1 : SILENCE_MS);
    if (count < 0 && errno != EINTR) {
        return -errno;
    }
    client->now = bench_wall_ns();
    if (count <= 0 && client->now > client->heard_at + SILENCE_MS * INT64_C(1000000)) {
        return -ETIMEDOUT;
    }
    for (int index = 0; index < count; index++) {
        ask_ahead(events, index, count);
        int error = receive(client, events[index].data.ptr);
        if (error != 0) {
            return error;
        }
    }
    return paced ? send_due(client) : send_to_all(client, events, count);
}

static int run_until(client *client, int64_t end) {
    int error = 0;
    while (error == 0 && client->now < end) {
        error = turn(client);
    }
    return error;
}

int bench_echo_drive(client *client, int64_t warm_up_ns, int64_t duration_ns,
                     bench_echo_result *result) {
    client->ends = client->measuring = false;
    client->now = client->heard_at = client->due_at = bench_wall_ns();
    bench_histogram_clear(&client->latencies);
    int error = client->load.pace > 0 ? 0 : send_first(client);
    if (error == 0) {
        error = run_until(client, client->now + warm_up_ns);
    }
    client->measuring = true;
    int64_t measured_from = bench_wall_ns();
    int64_t cpu_from = bench_cpu_ns_of(client->load.server);
    if (error == 0) {
        error = run_until(client, measured_from + duration_ns);
    }
    int64_t cpu = bench_cpu_ns_of(client->load.server);
    int64_t measured_to = bench_wall_ns();
    client->measuring = false;
    client->ends = true;
    /* With a pace the client is driven once: nobody waits for the last answers. */
    while (error == 0 && client->load.pace == 0 && client->under_way > 0) {
        error = turn(client);
    }
    if (error == 0 && client->latencies.total == 0) {
        error = -ETIMEDOUT;
    }
    if (error != 0) {
        return error;
    }
    if (cpu_from < 0 || cpu < 0) {
        return -ESRCH;
    }
    result->round_trips = client->latencies.total;
    result->wall_ns = measured_to - measured_from;
    result->server_cpu_ns = cpu - cpu_from;
    result->p50_ns = bench_histogram_quantile(&client->latencies, 0.5);
    result->p99_ns = bench_histogram_quantile(&client->latencies, 0.99);
    result->p999_ns = bench_histogram_quantile(&client->latencies, 0.999);
    return 0;
}

int bench_echo_open(const bench_echo_load *load, client **opened) {
    if (load->pace < 0 || load->connections < 1 || load->connections > BENCH_MAX_CONNECTIONS ||
        load->message_bytes < 16 || load->message_bytes > BENCH_MAX_MESSAGE) {
        return -EINVAL;
    }
    client *client = calloc(1, sizeof *client);
    if (client == NULL) {
        return -ENOMEM;
    }
    size_t words = ((size_t)load->message_bytes + sizeof(uint64_t) - 1) / sizeof(uint64_t);
    client->load = *load;
    client->connections = calloc((size_t)load->connections, sizeof *client->connections);
    client->messages = calloc((size_t)load->connections, words * sizeof(uint64_t));
    if (client->connections == NULL || client->messages == NULL) {
        client->load.connections = 0;
    }
    for (int index = 0; index < client->load.connections; index++) {
        client->connections[index].fd = -1;
        client->connections[index].message = client->messages + (size_t)index * words;
    }
    client->epoll = epoll_create1(EPOLL_CLOEXEC);
    int error = client->load.connections == 0 ? -ENOMEM
                : client->epoll < 0           ? -errno
                                              : connect_all(client);
    if (error != 0) {
        bench_echo_close(client);
        return error;
    }
    *opened = client;
    return 0;
}

void bench_echo_close(client *client) {
    for (int index = 0; index < client->load.connections; index++) {
        if (client->connections[index].fd >= 0) {
            close(client->connections[index].fd);
        }
    }
    if (client->epoll >= 0) {
        close(client->epoll);
    }
    free(client->messages);
    free(client->connections);
    free(client);
}
