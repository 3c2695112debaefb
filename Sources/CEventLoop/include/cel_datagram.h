/// Datagram sockets (UDP, Unix): several datagrams with one system call, truncation always visible.
#pragma once

#include <stdbool.h>

#include "cel_base.h"
#include "cel_socket.h"
#include "cel_sys.h"

CEL_ASSUME_NONNULL_BEGIN

/// One datagram, on its way in or out.
struct cel_datagram {
    void *_Nullable bytes;
    size_t capacity;            ///< Received: the room at `bytes`. Sent: the datagram's size.
    size_t size;                ///< Received: the datagram's size; more than `capacity` if it was cut.
    struct cel_address address; ///< The sender's, or where to; length 0 for the socket's peer.
};

/// How many datagrams one call takes at most.
#define CEL_DATAGRAMS_MAX 64

/// Makes a datagram socket for `family` (AF_INET, AF_INET6, AF_UNIX). The caller owns it. Errors of
/// socket(2).
CEL_CHECKED int cel_datagram_open(const struct cel_sys *sys, int family, int *out);

/// Makes two Unix datagram sockets that are connected with each other. The caller owns both. Errors
/// of socketpair(2).
CEL_CHECKED int cel_datagram_pair(const struct cel_sys *sys, int *first, int *second);

/// recvmmsg(2): the number of datagrams received, at least 1, or -errno. An error that an earlier
/// datagram met with on its way is returned once, and takes no datagram with it.
///
/// There is no room for what comes beside a datagram, so the kernel closes descriptors that somebody
/// sends unasked.
CEL_CHECKED ssize_t cel_datagram_receive(const struct cel_sys *sys, int fd,
                                         struct cel_datagram *datagrams, size_t count);

/// sendmmsg(2): the number of datagrams that the kernel took, from the first one on, or -errno if
/// the first cannot be sent.
CEL_CHECKED ssize_t cel_datagram_send(const struct cel_sys *sys, int fd,
                                      struct cel_datagram *datagrams, size_t count);

/// Joins or leaves a multicast group, on the interface with that index; 0 lets the kernel choose.
/// Errors: EADDRINUSE (joined already), EADDRNOTAVAIL (not joined), EINVAL (no group), ENODEV.
CEL_CHECKED int cel_datagram_membership(const struct cel_sys *sys, int fd,
                                        const struct cel_address *group, unsigned interface,
                                        bool join);

CEL_ASSUME_NONNULL_END
