/// Sockets: the calls behind streams and listeners. They take a descriptor and a table of system
/// calls, and keep no state. None blocks: sockets are made CLOEXEC and NONBLOCK. All retry EINTR.
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>

#include "cel_base.h"
#include "cel_direct.h"
#include "cel_sys.h"

CEL_ASSUME_NONNULL_BEGIN

/// A socket address of any family, with its length.
struct cel_address {
    struct sockaddr_storage storage;
    socklen_t length;
};

/// Makes a stream socket for `family` (AF_INET, AF_INET6, AF_UNIX). The caller owns it. Errors of
/// socket(2).
CEL_CHECKED int cel_socket_open(const struct cel_sys *sys, int family, int *out);

/// Makes two Unix stream sockets that are connected with each other. The caller owns both. Errors
/// of socketpair(2).
CEL_CHECKED int cel_socket_pair(const struct cel_sys *sys, int *first, int *second);

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

// The next two by the table, and for arguments that are not worth a call.
CEL_CHECKED ssize_t cel__socket_receive(const struct cel_sys *sys, int fd, void *_Nullable buffer,
                                        size_t count);
CEL_CHECKED ssize_t cel__socket_send(const struct cel_sys *sys, int fd,
                                     const void *_Nullable buffer, size_t count);

/// recv(2): the number of bytes, 0 at the end of the stream (or for `count` 0), or -errno.
CEL_CHECKED static inline ssize_t cel_socket_receive(const struct cel_sys *sys, int fd,
                                                     void *_Nullable buffer, size_t count) {
    if (sys != cel_sys_direct || count == 0 || buffer == NULL) {
        return cel__socket_receive(sys, fd, buffer, count);
    }
    return cel__recv(fd, buffer, count, MSG_DONTWAIT);
}

/// send(2) with MSG_NOSIGNAL: the number of bytes taken, or -errno. Never raises SIGPIPE.
CEL_CHECKED static inline ssize_t cel_socket_send(const struct cel_sys *sys, int fd,
                                                  const void *_Nullable buffer, size_t count) {
    if (sys != cel_sys_direct || count == 0 || buffer == NULL) {
        return cel__socket_send(sys, fd, buffer, count);
    }
    return cel__send(fd, buffer, count, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/// How many pieces `cel_socket_send_pieces` takes at most.
#define CEL_PIECES_MAX 1024

/// sendmsg(2) with MSG_NOSIGNAL, of up to `CEL_PIECES_MAX` pieces: the number of bytes taken, or
/// -errno.
CEL_CHECKED ssize_t cel_socket_send_pieces(const struct cel_sys *sys, int fd,
                                           const struct iovec *_Nullable pieces, size_t count);

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

/// SO_LINGER: with `on` and no seconds, close(2) drops what is unsent and resets the connection. With
/// seconds it blocks, on any socket, until all is sent.
CEL_CHECKED int cel_socket_set_linger(const struct cel_sys *sys, int fd, bool on, int seconds);

/// Reads SO_LINGER.
CEL_CHECKED int cel_socket_get_linger(const struct cel_sys *sys, int fd, bool *on, int *seconds);

/// getsockname(2).
CEL_CHECKED int cel_socket_local_address(const struct cel_sys *sys, int fd,
                                         struct cel_address *out);

/// getpeername(2). Errors: ENOTCONN.
CEL_CHECKED int cel_socket_peer_address(const struct cel_sys *sys, int fd, struct cel_address *out);

/// SO_PEERCRED: who made the other end of a Unix connection, as of the time when it did. `pid` is 0
/// for a process that cannot be seen from here.
CEL_CHECKED int cel_socket_peer_credentials(const struct cel_sys *sys, int fd, int *pid,
                                            unsigned *uid, unsigned *gid);

/// Which file a path names, as far as that tells a socket from others.
struct cel_file_identity {
    uint64_t device;
    uint64_t inode;
    bool is_socket;
};

/// lstat(2). Errors: ENOENT, and others of lstat(2).
CEL_CHECKED int cel_file_identify(const struct cel_sys *sys, const char *path,
                                  struct cel_file_identity *out);

/// unlink(2).
CEL_CHECKED int cel_file_unlink(const struct cel_sys *sys, const char *path);

/// fchmod(2) of a socket that is not bound yet: which permissions its file will be made with, but for
/// those that the process's umask takes away.
CEL_CHECKED int cel_socket_set_mode(const struct cel_sys *sys, int fd, unsigned mode);

/// fchmodat(2): sets the permissions of a file that has others; a symbolic link is not followed.
CEL_CHECKED int cel_file_set_mode(const struct cel_sys *sys, const char *path, unsigned mode);

/// How many bytes the name of a Unix socket has at most.
#define CEL_UNIX_NAME_MAX 107

/// The kinds of Unix addresses.
enum cel_unix_kind {
    CEL_UNIX_UNNAMED = 0,
    CEL_UNIX_PATH = 1,
    CEL_UNIX_ABSTRACT = 2,
};

/// A Unix address: a path, or an abstract name without its leading NUL. Errors: ENAMETOOLONG,
/// EINVAL (an empty name, or a NUL in a path).
CEL_CHECKED int cel_address_unix(const void *_Nullable name, size_t length, bool abstract,
                                 struct cel_address *out);

/// The kind of a Unix address, and its name, which has up to `CEL_UNIX_NAME_MAX` + 1 bytes.
/// Errors: EAFNOSUPPORT.
CEL_CHECKED int cel_address_unix_name(const struct cel_address *address, char *out,
                                      size_t *length);

/// Reads a literal IPv4 or IPv6 address ("127.0.0.1", "::1", "fe80::1%eth0"); never asks a name
/// server. Errors: EINVAL if it is not a literal, ENODEV if the scope names no interface.
CEL_CHECKED int cel_address_parse(const char *text, uint16_t port, struct cel_address *out);

/// Writes the address without its port, NUL-terminated; `capacity` of 64 always suffices.
/// Errors: EAFNOSUPPORT, ENOSPC.
CEL_CHECKED int cel_address_format(const struct cel_address *address, char *out, size_t capacity);

/// The port in host order; 0 for a family without ports.
uint16_t cel_address_port(const struct cel_address *address);

CEL_ASSUME_NONNULL_END
