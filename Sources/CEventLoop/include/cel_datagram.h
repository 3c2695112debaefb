/// Datagram sockets (UDP, Unix): several datagrams with one system call, truncation always visible.
#pragma once

#include <stdbool.h>
#include <stdint.h>

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
    /// Sent: the kernel is to make datagrams of so many bytes each of it, of which the last may be
    /// shorter. Received with cel_datagram_receive_noted: it has joined datagrams of so many bytes
    /// each. 0 for one datagram.
    uint16_t segment_size;
    /// Received with cel_datagram_receive_noted: how many had been dropped at this socket when it
    /// came, modulo 2^32; 0 if the kernel did not say.
    uint32_t drops;
};

/// Options of UDP sockets, numbers all of them, which older headers lack.
///
/// A kernel that knows CEL_UDP_SEGMENT (Linux 4.18) takes datagrams with a segment size; one that does
/// not would send all as one datagram. CEL_UDP_GRO (Linux 5.0) lets the kernel join datagrams of one
/// sender: use cel_datagram_receive_noted then. So it does for SO_RXQ_OVFL of SOL_SOCKET, with which
/// the kernel notes how many it has dropped.
#define CEL_SOL_UDP 17
#define CEL_UDP_SEGMENT 103
#define CEL_UDP_GRO 104

/// How many datagrams one call takes at most.
#define CEL_DATAGRAMS_MAX 64

/// The most datagrams, and the most bytes of them together, that one entry with a segment size may
/// have. Older kernels take no more than 64. IP would allow some more bytes; but then a device
/// whose limit counts all headers splits them early.
#define CEL_SEGMENTS_MAX 64
#define CEL_SEGMENTED_BYTES_MAX 65400

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

/// The same, with what the kernel notes beside each datagram if options of the socket ask for it: its
/// `segment_size` (CEL_UDP_GRO) and `drops` (SO_RXQ_OVFL).
///
/// A joined one needs room for 65,535 bytes. Should the kernel have cut its notes, nobody knows where
/// each datagram ends: `capacity` is 0 then, so that it is seen to be cut.
CEL_CHECKED ssize_t cel_datagram_receive_noted(const struct cel_sys *sys, int fd,
                                               struct cel_datagram *datagrams, size_t count);

/// sendmmsg(2): the number of entries that the kernel took, from the first one on, or -errno if the
/// first cannot be sent. One with a segment size goes as a whole or not at all. Errors of these: EIO
/// (the way out cannot make checksums), EINVAL or EMSGSIZE (a segment is larger than a packet of the
/// way out, or they are too many); the segments by themselves may well be sent.
CEL_CHECKED ssize_t cel_datagram_send(const struct cel_sys *sys, int fd,
                                      struct cel_datagram *datagrams, size_t count);

/// Joins or leaves a multicast group, on the interface with that index; 0 lets the kernel choose.
/// Errors: EADDRINUSE (joined already), EADDRNOTAVAIL (not joined), EINVAL (no group), ENODEV.
CEL_CHECKED int cel_datagram_membership(const struct cel_sys *sys, int fd,
                                        const struct cel_address *group, unsigned interface,
                                        bool join);

CEL_ASSUME_NONNULL_END
