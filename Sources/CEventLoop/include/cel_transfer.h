/// Transfers: bytes that go from a file to a socket. As for sockets, no state, and all retry EINTR.
/// None raises SIGPIPE, whatever the program's disposition.
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

CEL_ASSUME_NONNULL_END
