/// Sockets: one function a call, which turns -1 and errno into -errno and retries EINTR.
///
/// No state. A socket that is made here is CLOEXEC and NONBLOCK from birth, so that neither a child
/// that is started meanwhile inherits it nor a call on it blocks the loop. MSG_DONTWAIT keeps the
/// promise for a descriptor that came from elsewhere, MSG_NOSIGNAL for a peer that is gone.
#include <fcntl.h>
#include <sys/stat.h>

#include "internal.h"

#define BIRTH_FLAGS (SOCK_NONBLOCK | SOCK_CLOEXEC)

int cel_socket_open(const struct cel_sys *sys, int family, int *out) {
    CEL__RETRY(int, fd, sys->socket(family, SOCK_STREAM | BIRTH_FLAGS, 0));
    if (fd < 0) return fd;
    *out = fd;
    return 0;
}

int cel_socket_pair(const struct cel_sys *sys, int *first, int *second) {
    int ends[2];
    CEL__RETRY(int, result, sys->socketpair(AF_UNIX, SOCK_STREAM | BIRTH_FLAGS, 0, ends));
    if (result < 0) return result;
    *first = ends[0];
    *second = ends[1];
    return 0;
}

int cel_socket_bind(const struct cel_sys *sys, int fd, const struct cel_address *address) {
    const struct sockaddr *name = (const struct sockaddr *)&address->storage;
    CEL__RETRY(int, result, sys->bind(fd, name, address->length));
    return result;
}

int cel_socket_listen(const struct cel_sys *sys, int fd, int backlog) {
    CEL__RETRY(int, result, sys->listen(fd, backlog));
    return result;
}

int cel_socket_accept(const struct cel_sys *sys, int fd, struct cel_address *peer, int *out) {
    struct sockaddr *name = (struct sockaddr *)&peer->storage;
    int accepted;
    do {
        peer->length = sizeof peer->storage;
        accepted = sys->accept4(fd, name, &peer->length, BIRTH_FLAGS);
        if (accepted < 0) accepted = -errno;
    } while (accepted == -EINTR);
    if (accepted < 0) return accepted;
    *out = accepted;
    return 0;
}

int cel_socket_connect(const struct cel_sys *sys, int fd, const struct cel_address *address) {
    const struct sockaddr *name = (const struct sockaddr *)&address->storage;
    if (sys->connect(fd, name, address->length) == 0) return 0;
    int error = errno;
    // An interrupted connect goes on; to call again would say EALREADY, not how it went.
    return error == EINTR ? -EINPROGRESS : -error;
}

ssize_t cel__socket_receive(const struct cel_sys *sys, int fd, void *_Nullable buffer,
                            size_t count) {
    // The kernel would wait for data before it gives none.
    if (count == 0) return 0;
    if (buffer == NULL) return -EFAULT;
    CEL__RETRY(ssize_t, received, sys->recv(fd, buffer, count, MSG_DONTWAIT));
    return received;
}

ssize_t cel__socket_send(const struct cel_sys *sys, int fd, const void *_Nullable buffer,
                         size_t count) {
    if (count == 0) return 0;
    if (buffer == NULL) return -EFAULT;
    CEL__RETRY(ssize_t, sent, sys->send(fd, buffer, count, MSG_DONTWAIT | MSG_NOSIGNAL));
    return sent;
}

ssize_t cel_socket_send_pieces(const struct cel_sys *sys, int fd,
                               const struct iovec *_Nullable pieces, size_t count) {
    if (count == 0) return 0;
    if (pieces == NULL) return -EFAULT;
    // The kernel only reads the pieces; the structure is the same for receiving.
    struct msghdr message = {.msg_iov = (struct iovec *)(uintptr_t)pieces, .msg_iovlen = count};
    CEL__RETRY(ssize_t, sent, sys->sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL));
    return sent;
}

int cel_socket_finish_writing(const struct cel_sys *sys, int fd) {
    CEL__RETRY(int, result, sys->shutdown(fd, SHUT_WR));
    return result;
}

int cel_socket_take_error(const struct cel_sys *sys, int fd) {
    int pending = 0;
    int result = cel_socket_get_option(sys, fd, SOL_SOCKET, SO_ERROR, &pending);
    return result < 0 ? result : -pending;
}

int cel_socket_set_option(const struct cel_sys *sys, int fd, int level, int name, int value) {
    CEL__RETRY(int, result, sys->setsockopt(fd, level, name, &value, sizeof value));
    return result;
}

int cel_socket_get_option(const struct cel_sys *sys, int fd, int level, int name, int *out) {
    int value = 0;
    socklen_t length = sizeof value;
    CEL__RETRY(int, result, sys->getsockopt(fd, level, name, &value, &length));
    if (result == 0) *out = value;
    return result;
}

int cel_socket_set_linger(const struct cel_sys *sys, int fd, bool on, int seconds) {
    struct linger value = {.l_onoff = on, .l_linger = seconds};
    CEL__RETRY(int, result, sys->setsockopt(fd, SOL_SOCKET, SO_LINGER, &value, sizeof value));
    return result;
}

int cel_socket_get_linger(const struct cel_sys *sys, int fd, bool *on, int *seconds) {
    struct linger value = {0};
    socklen_t length = sizeof value;
    CEL__RETRY(int, result, sys->getsockopt(fd, SOL_SOCKET, SO_LINGER, &value, &length));
    if (result < 0) return result;
    *on = value.l_onoff != 0;
    *seconds = value.l_linger;
    return 0;
}

int cel_socket_peer_credentials(const struct cel_sys *sys, int fd, int *pid, unsigned *uid,
                                unsigned *gid) {
    struct ucred peer = {0};
    socklen_t length = sizeof peer;
    CEL__RETRY(int, result, sys->getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length));
    if (result < 0) return result;
    *pid = peer.pid;
    *uid = peer.uid;
    *gid = peer.gid;
    return 0;
}

int cel_file_identify(const struct cel_sys *sys, const char *path,
                      struct cel_file_identity *out) {
    struct stat file;
    CEL__RETRY(int, result, sys->lstat(path, &file));
    if (result < 0) return result;
    *out = (struct cel_file_identity){
        .device = file.st_dev, .inode = file.st_ino, .is_socket = S_ISSOCK(file.st_mode)};
    return 0;
}

int cel_file_unlink(const struct cel_sys *sys, const char *path) {
    CEL__RETRY(int, result, sys->unlink(path));
    return result;
}

int cel_socket_set_mode(const struct cel_sys *sys, int fd, unsigned mode) {
    CEL__RETRY(int, result, sys->fchmod(fd, (mode_t)mode));
    return result;
}

int cel_file_set_mode(const struct cel_sys *sys, const char *path, unsigned mode) {
    struct stat file;
    CEL__RETRY(int, found, sys->lstat(path, &file));
    if (found < 0 || (file.st_mode & 07777) == mode) return found;
    CEL__RETRY(int, result, sys->fchmodat(AT_FDCWD, path, (mode_t)mode, AT_SYMLINK_NOFOLLOW));
    return result;
}

int cel_socket_local_address(const struct cel_sys *sys, int fd, struct cel_address *out) {
    out->length = sizeof out->storage;
    struct sockaddr *name = (struct sockaddr *)&out->storage;
    CEL__RETRY(int, result, sys->getsockname(fd, name, &out->length));
    return result;
}

int cel_socket_peer_address(const struct cel_sys *sys, int fd, struct cel_address *out) {
    out->length = sizeof out->storage;
    struct sockaddr *name = (struct sockaddr *)&out->storage;
    CEL__RETRY(int, result, sys->getpeername(fd, name, &out->length));
    return result;
}
