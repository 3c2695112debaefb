/* Child processes that cannot outlive their parent, and where threads run. */
#ifndef BENCH_PROCESS_H
#define BENCH_PROCESS_H

#include <stddef.h>
#include <sys/types.h>

#include "bench_base.h"

#pragma clang assume_nonnull begin

/* Starts this same executable with `arguments` (NULL-terminated, [0] is the name). Its standard
 * output is a pipe whose read end is stored in `*output` and belongs to the caller; standard input
 * is /dev/null; standard error is shared. Call it from the main thread: see
 * bench_end_with_parent. */
BENCH_CHECKED int bench_spawn_self(char *_Nullable const *_Nonnull arguments, pid_t *pid,
                                   int *output);

/* Reads up to a newline, which is dropped, and stores a C string. Returns its length, -ETIMEDOUT
 * after `timeout_ms`, or -EPIPE if the writer closed first. */
BENCH_CHECKED int bench_read_line(int fd, char *line, size_t capacity, int timeout_ms);

/* Kills the child, reaps it, and returns the wait status it ended with. */
int bench_kill_and_reap(pid_t pid);

/* Called by a child first thing: it is killed when the thread that started it ends, and by SIGALRM
 * after `seconds` in any case. -ESRCH if the parent has already gone. */
BENCH_CHECKED int bench_end_with_parent(pid_t parent, unsigned seconds);

/* Stores the cores that the calling thread may use, ascending; returns how many were stored. */
BENCH_CHECKED int bench_allowed_cores(int *cores, int capacity);

/* Confines the calling thread, and threads it starts later, to these cores. */
BENCH_CHECKED int bench_confine(const int *cores, int count);

#pragma clang assume_nonnull end

#endif
