/// Datagram sockets, over the system calls that take several messages.
#include <netinet/in.h>
#include <string.h>

#include "internal.h"

#define BIRTH_TYPE (SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC)

int cel_datagram_open(const struct cel_sys *sys, int family, int *out) {
    CEL__RETRY(int, fd, sys->socket(family, BIRTH_TYPE, 0));
    if (fd < 0) return fd;
    *out = fd;
    return 0;
}

int cel_datagram_pair(const struct cel_sys *sys, int *first, int *second) {
    int ends[2];
    CEL__RETRY(int, result, sys->socketpair(AF_UNIX, BIRTH_TYPE, 0, ends));
    if (result < 0) return result;
    *first = ends[0];
    *second = ends[1];
    return 0;
}

/// The kernel's form of up to CEL_DATAGRAMS_MAX datagrams.
struct messages {
    struct mmsghdr headers[CEL_DATAGRAMS_MAX];
    struct iovec pieces[CEL_DATAGRAMS_MAX];
};

static void describe(struct messages *messages, struct cel_datagram *datagrams, size_t count,
                     bool receiving) {
    for (size_t i = 0; i < count; i++) {
        struct cel_datagram *datagram = &datagrams[i];
        messages->pieces[i] =
            (struct iovec){.iov_base = datagram->bytes, .iov_len = datagram->capacity};
        struct msghdr header = {.msg_iov = &messages->pieces[i], .msg_iovlen = 1};
        if (receiving || datagram->address.length > 0) {
            header.msg_name = &datagram->address.storage;
            header.msg_namelen =
                receiving ? sizeof datagram->address.storage : datagram->address.length;
        }
        messages->headers[i] = (struct mmsghdr){.msg_hdr = header};
    }
}

ssize_t cel_datagram_receive(const struct cel_sys *sys, int fd, struct cel_datagram *datagrams,
                             size_t count) {
    if (count == 0) return 0;
    if (count > CEL_DATAGRAMS_MAX) count = CEL_DATAGRAMS_MAX;
    struct messages messages;
    describe(&messages, datagrams, count, true);
    // With MSG_TRUNC the kernel tells a datagram's own size, whatever the room.
    CEL__RETRY(int, received,
               sys->recvmmsg(fd, messages.headers, (unsigned)count, MSG_DONTWAIT | MSG_TRUNC));
    for (int i = 0; i < received; i++) {
        datagrams[i].size = messages.headers[i].msg_len;
        datagrams[i].address.length = messages.headers[i].msg_hdr.msg_namelen;
    }
    return received;
}

ssize_t cel_datagram_send(const struct cel_sys *sys, int fd, struct cel_datagram *datagrams,
                          size_t count) {
    if (count == 0) return 0;
    if (count > CEL_DATAGRAMS_MAX) count = CEL_DATAGRAMS_MAX;
    struct messages messages;
    describe(&messages, datagrams, count, false);
    CEL__RETRY(int, sent,
               sys->sendmmsg(fd, messages.headers, (unsigned)count, MSG_DONTWAIT | MSG_NOSIGNAL));
    return sent;
}

int cel_datagram_membership(const struct cel_sys *sys, int fd, const struct cel_address *group,
                            unsigned interface, bool join) {
    if (group->storage.ss_family == AF_INET6) {
        struct sockaddr_in6 name;
        memcpy(&name, &group->storage, sizeof name);
        struct ipv6_mreq membership = {
            .ipv6mr_multiaddr = name.sin6_addr,
            .ipv6mr_interface = interface != 0 ? interface : name.sin6_scope_id};
        int option = join ? IPV6_JOIN_GROUP : IPV6_LEAVE_GROUP;
        CEL__RETRY(int, result,
                   sys->setsockopt(fd, IPPROTO_IPV6, option, &membership, sizeof membership));
        return result;
    }
    struct sockaddr_in name;
    memcpy(&name, &group->storage, sizeof name);
    struct ip_mreqn membership = {.imr_multiaddr = name.sin_addr, .imr_ifindex = (int)interface};
    int option = join ? IP_ADD_MEMBERSHIP : IP_DROP_MEMBERSHIP;
    CEL__RETRY(int, result,
               sys->setsockopt(fd, IPPROTO_IP, option, &membership, sizeof membership));
    return result;
}
