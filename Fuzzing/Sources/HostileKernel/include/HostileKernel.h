/// A table of system calls whose answers are made up: what a kernel would never say, too.
///
/// One answer at a time, and no thread but one.
#pragma once

#include <stdbool.h>

#include "cel_sys.h"

CEL_ASSUME_NONNULL_BEGIN

/// How many closes are kept.
#define HOSTILE_CLOSES_MAX 1024

/// What recvmsg and recvmmsg find. The bytes stay the caller's.
struct hostile_answer {
    int interruptions;             ///< So often EINTR comes first.
    ssize_t result;                ///< Bytes or messages, at most what there is room for; or -errno.
    int flags;                     ///< MSG_CTRUNC, say.
    const uint8_t *_Nullable control; ///< Written to the control buffer, as far as there is room.
    size_t control_count;
    const uint8_t *_Nullable names; ///< Of datagrams: a byte of length, and so many of an address.
    size_t name_count;
    uint32_t message_length; ///< Of each datagram.
};

/// Sets the next answer, and forgets what was closed.
void hostile_answer(const struct hostile_answer *answer);

/// The table: recvmsg, recvmmsg, sendmsg and close alone; the others are NULL.
const struct cel_sys *hostile_kernel(void);

/// How often close was called, and with what: the first `HOSTILE_CLOSES_MAX`.
size_t hostile_closes(const int *_Nullable *_Nonnull numbers);

/// How many descriptors the last sendmsg had; -1 if its control data is malformed.
int hostile_sent(void);

CEL_ASSUME_NONNULL_END
