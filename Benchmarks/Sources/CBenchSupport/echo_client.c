/*
 * The load: every connection has at most one message under way. Without a pace it always has one,
 * so the number of connections is the depth of the queue in front of the server. One thread, which
 * does little beside the system calls; each answer is compared with what was sent.
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

enum { BATCH = 256, SILENCE_MS = 1000 };

typedef struct connection {
    int fd;
    bool waits;        /* for the answer to the current message */
    int received;      /* bytes of that answer */
    int64_t began_at;  /* when the message was sent, or was due */
    uint64_t *message;
} connection;

typedef struct client {
    const bench_echo_load *load;
    int epoll;
    connection *connections;
    bool measuring;
    int64_t now, measured_from, cpu_from;
    int64_t heard_at;  /* when the last answer came */
    int64_t due_at;    /* with a pace: when the next message is due, */
    int next;          /* and on which connection */
    bench_histogram latencies;
} client;

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
    size_t size = (size_t)client->load->message_bytes;
    ssize_t count = send(connection->fd, connection->message, size, MSG_NOSIGNAL);
    if (count < 0) {
        return -errno;
    }
    return count == (ssize_t)size ? 0 : -EMSGSIZE;
}

/* Reads what has come, and sends the next message if the answer is complete. */
static int receive(client *client, connection *connection) {
    char buffer[BENCH_MAX_MESSAGE];
    int wanted = client->load->message_bytes - connection->received;
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
    if (connection->received < client->load->message_bytes) {
        return 0;
    }
    client->now = client->heard_at = bench_wall_ns();
    connection->waits = false;
    if (client->measuring) {
        bench_histogram_record(&client->latencies, client->now - connection->began_at);
    }
    return client->load->pace > 0 ? 0 : send_next(client, connection, bench_wall_ns());
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
        client->next = (client->next + 1) % client->load->connections;
        client->due_at += 1000000000 / client->load->pace;
    }
    return 0;
}

static int open_all(client *client) {
    for (int index = 0; index < client->load->connections; index++) {
        connection *connection = &client->connections[index];
        connection->fd = bench_connect(client->load->port);
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
    for (int index = 0; client->load->pace == 0 && index < client->load->connections; index++) {
        int error = send_next(client, &client->connections[index], bench_wall_ns());
        if (error != 0) {
            return error;
        }
    }
    return 0;
}

static int turn(client *client) {
    struct epoll_event events[BATCH];
    bool paced = client->load->pace > 0;
    int count = epoll_wait(client->epoll, events, BATCH, paced ? 1 : SILENCE_MS);
    if (count < 0 && errno != EINTR) {
        return -errno;
    }
    client->now = bench_wall_ns();
    if (count <= 0 && client->now > client->heard_at + SILENCE_MS * INT64_C(1000000)) {
        return -ETIMEDOUT;
    }
    for (int index = 0; index < count; index++) {
        int error = receive(client, events[index].data.ptr);
        if (error != 0) {
            return error;
        }
    }
    return paced ? send_due(client) : 0;
}

static int drive(client *client, bench_echo_result *result) {
    int error = open_all(client);
    int64_t start = bench_wall_ns();
    client->now = client->heard_at = client->due_at = start;
    while (error == 0 && client->now < start + client->load->warm_up_ns) {
        error = turn(client);
    }
    client->measuring = true;
    client->measured_from = bench_wall_ns();
    client->cpu_from = bench_cpu_ns_of(client->load->server);
    while (error == 0 && client->now < client->measured_from + client->load->duration_ns) {
        error = turn(client);
    }
    int64_t cpu = bench_cpu_ns_of(client->load->server);
    if (error != 0) {
        return error;
    }
    if (client->cpu_from < 0 || cpu < 0) {
        return -ESRCH;
    }
    result->round_trips = client->latencies.total;
    result->wall_ns = bench_wall_ns() - client->measured_from;
    result->server_cpu_ns = cpu - client->cpu_from;
    result->p50_ns = bench_histogram_quantile(&client->latencies, 0.5);
    result->p99_ns = bench_histogram_quantile(&client->latencies, 0.99);
    result->p999_ns = bench_histogram_quantile(&client->latencies, 0.999);
    return 0;
}

int bench_echo_run(const bench_echo_load *load, bench_echo_result *result) {
    if (load->pace < 0 || load->connections < 1 || load->connections > BENCH_MAX_CONNECTIONS ||
        load->message_bytes < 16 || load->message_bytes > BENCH_MAX_MESSAGE) {
        return -EINVAL;
    }
    size_t words = ((size_t)load->message_bytes + sizeof(uint64_t) - 1) / sizeof(uint64_t);
    client *state = calloc(1, sizeof *state);
    connection *connections = calloc((size_t)load->connections, sizeof *connections);
    uint64_t *messages = calloc((size_t)load->connections, words * sizeof(uint64_t));
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    bool got_memory = state != NULL && connections != NULL && messages != NULL;
    int error = !got_memory ? -ENOMEM : epoll < 0 ? -errno : 0;
    if (error == 0) {
        for (int index = 0; index < load->connections; index++) {
            connections[index].fd = -1;
            connections[index].message = messages + (size_t)index * words;
        }
        state->load = load;
        state->epoll = epoll;
        state->connections = connections;
        error = drive(state, result);
        for (int index = 0; index < load->connections; index++) {
            if (connections[index].fd >= 0) {
                close(connections[index].fd);
            }
        }
    }
    if (epoll >= 0) {
        close(epoll);
    }
    free(messages);
    free(connections);
    free(state);
    return error;
}
