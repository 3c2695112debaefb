/// Sockets: the calls behind streams and listeners. They take a descriptor and a table of system
/// calls, and keep no state. None blocks: sockets are made CLOEXEC and NONBLOCK. All retry EINTR.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include "cel_base.h"
#include "cel_sys.h"

CEL_ASSUME_NONNULL_BEGIN

/// A socket address of any family, with its length.
struct cel_address {
    struct sockaddr_storage storage;
    socklen_t length;
};

/// Makes a stream socket for `family` (AF_INET, AF_INET6). The caller owns it. Errors of socket(2).
CEL_CHECKED int cel_socket_open(const struct cel_sys *sys, int family, int *out);

/// bind(2). Errors: EADDRINUSE, EACCES, EADDRNOTAVAIL, EINVAL (family, scope).
CEL_CHECKED int cel_socket_bind(const struct cel_sys *sys, int fd,
                                const struct cel_address *address);

/// listen(2).
CEL_CHECKED int cel_socket_listen(const struct cel_sys *sys, int fd, int backlog);

/// accept4(2). The caller owns the new descriptor. Errors as the kernel gives them, EAGAIN
/// included.
CEL_CHECKED int cel_socket_accept(const struct cel_sys *sys, int fd, struct cel_address *peer,
                                  int *out);

/// connect(2). EINPROGRESS: wait until writable, then `cel_socket_take_error`. An interrupted
/// connect goes on in the background and is reported as EINPROGRESS.
CEL_CHECKED int cel_socket_connect(const struct cel_sys *sys, int fd,
                                   const struct cel_address *address);

/// recv(2): the number of bytes, 0 at the end of the stream (or for `count` 0), or -errno.
CEL_CHECKED ssize_t cel_socket_receive(const struct cel_sys *sys, int fd, void *_Nullable buffer,
                                       size_t count);

/// send(2) with MSG_NOSIGNAL: the number of bytes taken, or -errno. Never raises SIGPIPE.
CEL_CHECKED ssize_t cel_socket_send(const struct cel_sys *sys, int fd, const void *_Nullable buffer,
                                    size_t count);

/// shutdown(2) of the writing direction.
CEL_CHECKED int cel_socket_finish_writing(const struct cel_sys *sys, int fd);

/// SO_ERROR, which reading clears: 0 if there is none, the pending error as -errno, or the error of
/// getsockopt.
CEL_CHECKED int cel_socket_take_error(const struct cel_sys *sys, int fd);

/// Sets an option whose value is an int.
CEL_CHECKED int cel_socket_set_option(const struct cel_sys *sys, int fd, int level, int name,
                                      int value);

/// Reads an option whose value is an int.
CEL_CHECKED int cel_socket_get_option(const struct cel_sys *sys, int fd, int level, int name,
                                      int *out);

/// getsockname(2).
CEL_CHECKED int cel_socket_local_address(const struct cel_sys *sys, int fd,
                                         struct cel_address *out);

/// getpeername(2). Errors: ENOTCONN.
CEL_CHECKED int cel_socket_peer_address(const struct cel_sys *sys, int fd, struct cel_address *out);

/// Reads a literal IPv4 or IPv6 address ("127.0.0.1", "::1", "fe80::1%eth0"); never asks a name
/// server. Errors: EINVAL if it is not a literal, ENODEV if the scope names no interface.
CEL_CHECKED int cel_address_parse(const char *text, uint16_t port, struct cel_address *out);

/// Writes the address without its port, NUL-terminated; `capacity` of 64 always suffices.
/// Errors: EAFNOSUPPORT, ENOSPC.
CEL_CHECKED int cel_address_format(const struct cel_address *address, char *out, size_t capacity);

/// The port in host order; 0 for a family without ports.
uint16_t cel_address_port(const struct cel_address *address);

CEL_ASSUME_NONNULL_END
