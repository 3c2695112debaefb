/// Transfers: bytes that go from a file, or by way of a pipe from another socket, to a socket. As for
/// sockets, no state, and all retry EINTR. None raises SIGPIPE, whatever the program's disposition.
#pragma once

#include "cel_base.h"
#include "cel_sys.h"

CEL_ASSUME_NONNULL_BEGIN

/// sendfile(2): sends up to `count` bytes of `file` from `offset` on to the socket `fd`: the number of
/// bytes, 0 at the end of the file, or -errno. The file's position is neither used nor moved. The
/// socket must be non-blocking; reading the file blocks for as long as the disk does. Errors: EAGAIN
/// (the socket is full), EINVAL or ENOSYS (not for this file), those of send(2) and of read(2).
CEL_CHECKED ssize_t cel_transfer_file(const struct cel_sys *sys, int fd, int file, uint64_t offset,
                                      size_t count);

/// pread(2): the number of bytes, 0 at the end of the file, or -errno.
CEL_CHECKED ssize_t cel_file_read(const struct cel_sys *sys, int file, void *buffer, size_t count,
                                  uint64_t offset);

/// Makes a pipe of which neither end blocks, with room for `size` bytes if the kernel allows that, else
/// for as many as pipes have. The caller owns both ends. Errors: EMFILE, ENFILE.
CEL_CHECKED int cel_pipe_open(const struct cel_sys *sys, int size, int *read_end, int *write_end);

/// read(2) from a pipe's read end: the number of bytes, 0 at the end, or -errno.
CEL_CHECKED ssize_t cel_pipe_read(const struct cel_sys *sys, int pipe, void *buffer, size_t count);

/// splice(2): moves up to `count` bytes from the socket `fd` into the write end of a pipe whose read end
/// the caller has open: the number of bytes, 0 at the end of the stream, or -errno. Errors: EAGAIN (the
/// socket is empty, or the pipe full, which of them is not told), EINVAL (not for this socket), those of
/// recv(2).
CEL_CHECKED ssize_t cel_splice_receive(const struct cel_sys *sys, int fd, int pipe, size_t count);

/// splice(2): moves up to `count` bytes from the read end of a pipe to the non-blocking socket `fd`: the
/// number of bytes or -errno. Errors: EAGAIN (the pipe is empty, or the socket full), EINVAL (not for
/// this socket), those of send(2).
CEL_CHECKED ssize_t cel_splice_send(const struct cel_sys *sys, int pipe, int fd, size_t count);

CEL_ASSUME_NONNULL_END
