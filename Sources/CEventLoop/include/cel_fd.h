/// Registrations: which descriptors the loop watches, and what they are ready for.
#pragma once

#include "cel_base.h"
#include "cel_loop.h"

CEL_ASSUME_NONNULL_BEGIN

/// Readiness, as delivered and as kept in the slot of a registration.
enum {
    CEL_READABLE = 1,    ///< recv or accept may make progress (EPOLLIN).
    CEL_WRITABLE = 2,    ///< send may make progress, or connect has finished (EPOLLOUT).
    CEL_READ_CLOSED = 4, ///< The peer has finished writing (EPOLLRDHUP); data may still be there.
    CEL_HANG_UP = 8,     ///< Both directions are done (EPOLLHUP).
    CEL_ERROR = 16,      ///< An error is pending (EPOLLERR).
};

/// How a registration reports.
enum cel_mode {
    /// Edge-triggered, registered once for everything; for descriptors that the caller owns.
    /// Readiness stays in the slot until `cel_fd_clear`.
    CEL_MODE_EDGE = 1,
    /// One report for each `cel_fd_rearm`; for descriptors that somebody else handed in: one that
    /// is closed behind the loop's back can then not make it spin.
    CEL_MODE_ONESHOT = 2,
};

/// Watches `fd`. `user` comes back in every completion. With CEL_MODE_ONESHOT nothing is reported
/// before the first `cel_fd_rearm`.
///
/// If the kernel says EEXIST (a left-over of a descriptor that was closed while it was duplicated)
/// the left-over is replaced. Errors: EBADF, EPERM (a regular file or directory: not pollable),
/// ENOMEM, ENOSPC (limit of watches), EINVAL.
CEL_CHECKED int cel_fd_register(cel_loop *loop, int fd, enum cel_mode mode, uint64_t user,
                                cel_token *out);

/// Asks a CEL_MODE_ONESHOT registration for one report of `interest` (CEL_READABLE, CEL_WRITABLE or
/// both). Errors: ESTALE (token), and those of epoll_ctl(2) if the descriptor was closed meanwhile.
CEL_CHECKED int cel_fd_rearm(cel_loop *loop, cel_token token, uint32_t interest);

/// Stops watching. To be called before the descriptor is closed. From here on no completion carries
/// this token; one that is in a batch already is stale (see `cel_fd_is_current`).
///
/// ENOENT, EBADF and EPERM from the kernel mean that the descriptor was closed before: ignored and
/// counted. Errors: ESTALE (token).
CEL_CHECKED int cel_fd_deregister(cel_loop *loop, cel_token token);

/// Whether the token still names a registration. A caller that handles one completion of a batch by
/// deregistering another descriptor asks this for the rest of the batch.
bool cel_fd_is_current(const cel_loop *loop, cel_token token);

/// The readiness kept for a CEL_MODE_EDGE registration; 0 for a stale token.
uint32_t cel_fd_readiness(const cel_loop *loop, cel_token token);

/// Forgets readiness: to be called when a call said EAGAIN, or moved less than was asked for while
/// neither CEL_READ_CLOSED, CEL_HANG_UP nor CEL_ERROR was reported. A stale token is ignored.
void cel_fd_clear(cel_loop *loop, cel_token token, uint32_t readiness);

/// How many registrations there are.
uint32_t cel_fd_count(const cel_loop *loop);

/// Closes `fd` and says what close(2) said. EINTR counts as closed: Linux has released the number.
/// Errors: EBADF (a bug of the caller), EIO, ENOSPC, EDQUOT.
CEL_CHECKED int cel_fd_close(const struct cel_sys *sys, int fd);

CEL_ASSUME_NONNULL_END
