/// Facts about the calling thread.
#pragma once

#include <stdbool.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cel_base.h"

CEL_ASSUME_NONNULL_BEGIN

/// A number that is unique among the threads alive, never 0, and read in one instruction where the
/// processor has a thread register. A later thread may get the number of one that has ended.
static inline uintptr_t cel_thread_self(void) {
    return (uintptr_t)__builtin_thread_pointer();
}

/// Whether this is the thread that the process started with.
static inline bool cel_thread_is_main(void) {
    return (long)getpid() == syscall(SYS_gettid);
}

/// Names the calling thread for debuggers; the kernel keeps the first 15 bytes.
void cel_thread_set_name(const char *name);

/// One pointer a thread, for the loop's user: NULL at first. Not touched by the loop.
void *_Nullable cel_thread_get_current(void);
void cel_thread_set_current(void *_Nullable pointer);

CEL_ASSUME_NONNULL_END
