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

/// What goes with a datagram: its segment size.
union segment_note {
    struct cmsghdr header; // Aligns it.
    char room[CMSG_SPACE(sizeof(uint16_t))];
};

/// What comes with a datagram: a segment size and a count, each in a message of its own.
union received_notes {
    struct cmsghdr header; // Aligns it.
    char room[CMSG_SPACE(sizeof(int)) + CMSG_SPACE(sizeof(uint32_t))];
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

/// With MSG_TRUNC the kernel tells a datagram's own size, whatever the room.
static ssize_t receive(const struct cel_sys *sys, int fd, struct messages *messages,
                       struct cel_datagram *datagrams, size_t count) {
    CEL__RETRY(int, received,
               sys->recvmmsg(fd, messages->headers, (unsigned)count, MSG_DONTWAIT | MSG_TRUNC));
    for (int i = 0; i < received; i++) {
        datagrams[i].size = messages->headers[i].msg_len;
        datagrams[i].address.length = messages->headers[i].msg_hdr.msg_namelen;
    }
    return received;
}

ssize_t cel_datagram_receive(const struct cel_sys *sys, int fd, struct cel_datagram *datagrams,
                             size_t count) {
    if (count == 0) return 0;
    if (count > CEL_DATAGRAMS_MAX) count = CEL_DATAGRAMS_MAX;
    struct messages messages;
    describe(&messages, datagrams, count, true);
    return receive(sys, fd, &messages, datagrams, count);
}

/// Takes the notes out of a message. The kernel's lengths are right; should one not be, nothing is
/// read behind the control data, and the notes count as cut.
static void read_notes(struct msghdr *message, struct cel_datagram *datagram) {
    bool whole = (message->msg_flags & MSG_CTRUNC) == 0;
    const char *end = (const char *)message->msg_control + message->msg_controllen;
    struct cmsghdr *header = CMSG_FIRSTHDR(message);
    while (header != NULL) {
        size_t length = header->cmsg_len;
        if (length < CMSG_LEN(0) || length > (size_t)(end - (const char *)header)) {
            whole = false;
            break;
        }
        if (header->cmsg_level == CEL_SOL_UDP && header->cmsg_type == CEL_UDP_GRO &&
            length >= CMSG_LEN(sizeof(int))) {
            int size;
            memcpy(&size, CMSG_DATA(header), sizeof size);
            if (size > 0 && size <= UINT16_MAX) datagram->segment_size = (uint16_t)size;
        }
        if (header->cmsg_level == SOL_SOCKET && header->cmsg_type == SO_RXQ_OVFL &&
            length >= CMSG_LEN(sizeof datagram->drops)) {
            memcpy(&datagram->drops, CMSG_DATA(header), sizeof datagram->drops);
        }
        header = CMSG_NXTHDR(message, header);
    }
    if (!whole && datagram->segment_size == 0) datagram->capacity = 0;
}

ssize_t cel_datagram_receive_noted(const struct cel_sys *sys, int fd,
                                   struct cel_datagram *datagrams, size_t count) {
    if (count == 0) return 0;
    if (count > CEL_DATAGRAMS_MAX) count = CEL_DATAGRAMS_MAX;
    struct messages messages;
    union received_notes notes[CEL_DATAGRAMS_MAX];
    describe(&messages, datagrams, count, true);
    for (size_t i = 0; i < count; i++) {
        messages.headers[i].msg_hdr.msg_control = &notes[i];
        messages.headers[i].msg_hdr.msg_controllen = sizeof notes[i];
        datagrams[i].segment_size = 0;
        datagrams[i].drops = 0;
    }
    ssize_t received = receive(sys, fd, &messages, datagrams, count);
    for (ssize_t i = 0; i < received; i++) {
        read_notes(&messages.headers[i].msg_hdr, &datagrams[i]);
    }
    return received;
}

/// Asks the kernel to split a message.
static void note_segment(struct msghdr *message, union segment_note *note, uint16_t size) {
    *note = (union segment_note){0};
    note->header.cmsg_level = CEL_SOL_UDP;
    note->header.cmsg_type = CEL_UDP_SEGMENT;
    note->header.cmsg_len = CMSG_LEN(sizeof size);
    memcpy(CMSG_DATA(&note->header), &size, sizeof size);
    message->msg_control = note;
    message->msg_controllen = sizeof *note;
}

ssize_t cel_datagram_send(const struct cel_sys *sys, int fd, struct cel_datagram *datagrams,
                          size_t count) {
    if (count == 0) return 0;
    if (count > CEL_DATAGRAMS_MAX) count = CEL_DATAGRAMS_MAX;
    struct messages messages;
    union segment_note notes[CEL_DATAGRAMS_MAX];
    describe(&messages, datagrams, count, false);
    for (size_t i = 0; i < count; i++) {
        uint16_t size = datagrams[i].segment_size;
        if (size > 0) note_segment(&messages.headers[i].msg_hdr, &notes[i], size);
    }
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
