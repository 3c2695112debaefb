/// Entry points of the Swift runtime (6.3) that its public API wraps at forty times the cost, or not at all.
///
/// Used by RuntimeSPI.swift only; see there for what each is for. They are exported by libswift_Concurrency and called by
/// the compiler itself, but not promised to anybody else.
#pragma once

#include <stdbool.h>
#include <stdint.h>

extern __attribute__((swiftcall)) void *_Nullable swift_task_getCurrent(void);
extern __attribute__((swiftcall)) bool swift_task_isCancelled(void *_Nonnull task);
extern __attribute__((swiftcall)) void swift_task_cancel(void *_Nonnull task);
extern __attribute__((swiftcall)) void swift_job_run(void *_Nonnull job, uintptr_t executor_identity,
                                                     uintptr_t executor_implementation);

/// The address of the current task, or 0.
static inline uintptr_t csr_current_task(void) {
    return (uintptr_t)swift_task_getCurrent();
}

/// Whether a task that is alive is cancelled.
static inline bool csr_is_cancelled(uintptr_t task) {
    return swift_task_isCancelled((void *_Nonnull)task);
}

/// Cancels a task that is alive.
static inline void csr_cancel(uintptr_t task) {
    swift_task_cancel((void *_Nonnull)task);
}

/// Runs a job as the threads of Swift's own pool do: on the generic executor (zero), or on the task executor that the
/// job prefers.
static inline void csr_run(uintptr_t job) {
    swift_job_run((void *_Nonnull)job, 0, 0);
}
