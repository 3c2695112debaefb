/// Entry points of the Swift runtime (6.3) that its public API wraps at forty times the cost, or not at all.
///
/// Used by RuntimeSPI.swift only; see there for what each is for. They are exported by libswift_Concurrency and called by
/// the compiler itself, but not promised to anybody else.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

extern void *_Nonnull swift_retain(void *_Nonnull object);
extern void swift_release(void *_Nonnull object);

extern __attribute__((swiftcall)) void *_Nullable swift_task_getCurrent(void);
extern __attribute__((swiftcall)) void swift_task_cancel(void *_Nonnull task);
extern __attribute__((swiftcall)) void swift_job_run(void *_Nonnull job, uintptr_t executor_identity,
                                                     uintptr_t executor_implementation);

extern __attribute__((swiftcall)) uint32_t swift_task_getJobFlags(void *_Nonnull job);
extern __attribute__((swiftcall)) uint64_t swift_task_getJobTaskId(void *_Nonnull job);

// A handler of cancellations, its object in the context register: called at once if the task is cancelled already.
#define CSR_OBJECT __attribute__((swift_context))
typedef __attribute__((swiftcall)) void csr_handler(CSR_OBJECT void *_Nonnull object);
extern __attribute__((swiftcall)) void *_Nullable swift_task_addCancellationHandler(csr_handler *_Nonnull handler,
                                                                                   void *_Nonnull object);
extern __attribute__((swiftcall)) void swift_task_removeCancellationHandler(void *_Nonnull record);

// Lets a task go on whose continuation has nothing to carry: the continuation is the task.
extern __attribute__((swiftcall)) void swift_continuation_resume(void *_Nonnull task);

// The stack of the running task.
extern __attribute__((swiftcall)) void *_Nonnull swift_task_alloc(size_t size);
extern __attribute__((swiftcall)) void swift_task_dealloc(void *_Nonnull address);

// What a task that suspends or goes on hands over to its thread, and takes back, of accesses that are not over yet.
extern void swift_task_exitThreadLocalContext(uintptr_t *_Nonnull accesses);

/// For debuggers: where the part that only child tasks have begins.
extern const size_t _swift_concurrency_debug_asyncTaskSize;

// The calling convention of async functions. Their results go to `resume`.
#define CSR_ASYNC __attribute__((swiftasynccall))
#define CSR_CONTEXT __attribute__((swift_async_context))
struct csr_context;
typedef CSR_ASYNC void csr_resume(CSR_CONTEXT struct csr_context *_Nonnull context);

/// What the caller of an async function hands over, as far as the compiler and the runtime agree on it.
struct csr_context {
    struct csr_context *_Nullable parent;
    csr_resume *_Nonnull resume;
};

/// A piece of memory of a task's stack.
struct csr_stack_piece {
    const void *_Nonnull metadata;
    const struct csr_stack_piece *_Nullable next;
    uint32_t capacity;
    uint32_t used;
};

/// The head of a task, as far as it is used here. The first part is common to all jobs.
struct csr_task {
    uintptr_t object[4];
    uint32_t flags;
    uint32_t number;
    uintptr_t voucher;
    void *_Nullable waiter;                        ///< Nobody's: the runtime clears this word, and leaves it alone.
    csr_resume *_Nonnull resume;                   ///< Where the task goes on when it is run,
    struct csr_context *_Nonnull resume_context;  ///< and with what: the top of its stack.
    uintptr_t not_cleared;
    uintptr_t accesses[2];
    /// The first part of its status. The lowest byte is the base priority, or a higher one that it was raised to.
    uint32_t status;
    uint32_t more_status[3];
    uintptr_t top_of_stack;
    const struct csr_stack_piece *_Nullable first_piece;
    uintptr_t pieces;
    void *_Nullable local_values;  ///< The values of task-local variables, the newest first.
    uint32_t number_high;
};
_Static_assert(offsetof(struct csr_task, resume) == 56 &&
                   offsetof(struct csr_task, resume_context) == 64 &&
                   offsetof(struct csr_task, waiter) == 48 &&
                   offsetof(struct csr_task, accesses) == 80 &&
                   offsetof(struct csr_task, number) == 36 &&
                   offsetof(struct csr_task, status) == 96 &&
                   offsetof(struct csr_task, first_piece) == 120 &&
                   offsetof(struct csr_task, local_values) == 136 &&
                   offsetof(struct csr_task, number_high) == 144,
               "the head of a task, on machines of 64 bits");

/// The address of the current task, or 0.
static inline uintptr_t csr_current_task(void) {
    return (uintptr_t)swift_task_getCurrent();
}

/// Whether a task that is alive is cancelled.
///
/// The runtime's own function reads the whole status, of 16 bytes, which takes an exchange.
static inline bool csr_is_cancelled(uintptr_t task) {
    const uint32_t is_cancelled = 1u << 8;
    return (__atomic_load_n(&((const struct csr_task *)task)->status, __ATOMIC_RELAXED) & is_cancelled) != 0;
}

/// Cancels a task that is alive.
static inline void csr_cancel(uintptr_t task) {
    swift_task_cancel((void *_Nonnull)task);
}

/// Keeps a task alive.
static inline void csr_retain(uintptr_t task) {
    swift_retain((void *_Nonnull)task);
}

static inline void csr_release(uintptr_t task) {
    swift_release((void *_Nonnull)task);
}

// Written in Swift, and called from here: by name, as a jump through a pointer is one more that can be mispredicted.
// What handlers of cancellations call.
extern __attribute__((visibility("hidden"))) void csr_waiter_is_cancelled(void *_Nonnull waiter);
// What `csr_park_waiter` calls to suspend the task at `place`.
extern __attribute__((visibility("hidden"))) void csr_waiter_parks(void *_Nonnull waiter,
                                                                   struct csr_context *_Nonnull place);

/// Suspends the running task, which then goes on with `place`'s caller when its job is run again.
///
/// Returning to the caller of the job, without going on with the context, is all that it takes. The runtime would also
/// note what the task waits for, and enqueue it somewhere; and it would clear the current task, which is not to be had
/// from outside. Hence a job that parks must be run inside another task: whoever runs a job restores the current task
/// that was before, if there was one.
static inline void csr_suspend(uintptr_t running, struct csr_context *_Nonnull place) {
    struct csr_task *task = (struct csr_task *)running;
    task->resume = place->resume;
    task->resume_context = place;
    // The accesses that the task has begun and not ended stay its own.
    swift_task_exitThreadLocalContext(task->accesses);
}

/// Adds a handler to the running task: its record, which is in the memory of the task's stack. Null if the task is
/// cancelled: then the handler was called, and there is nothing to remove.
void *_Nullable csr_add_cancellation_handler(void *_Nonnull waiter);

/// Removes the handler that was last added, from the task that has added it. When it returns, the handler is not
/// running, and will not run.
static inline void csr_remove_cancellation_handler(void *_Nonnull record) {
    swift_task_removeCancellationHandler(record);
}

/// Lets a task go on that waits by a continuation without a value, and tells ThreadSanitizer so.
///
/// The task may not have suspended yet. It then goes on at once, and the runtime, which is not sanitised, tells nobody.
/// What compiled code would call looks into the task first, to find where a value would go: that looks like a race, too.
void csr_resume_continuation(uintptr_t task);

/// To be called by a task that went on: whatever came before `csr_resume_continuation` has happened. `task` is its own.
void csr_has_resumed(uintptr_t task);

/// Runs a job as the threads of Swift's own pool do: on the generic executor (zero), or on the task executor that the
/// job prefers.
static inline void csr_run(uintptr_t job) {
    swift_job_run((void *_Nonnull)job, 0, 0);
}

/// Asks the processor for the memory of a job that is ready: what its first steps will look at.
static inline void csr_prefetch_job(uintptr_t job) {
    const struct csr_task *task = (const struct csr_task *)job;
    __builtin_prefetch(&task->flags);
    __builtin_prefetch(&task->status);
    __builtin_prefetch(&task->local_values);
}

/// The same, for what a job will look at that is a task, where it has suspended: the top of its stack, the head of the
/// piece of memory that it lies in, and the waiter.
///
/// No more than a task needs that goes on and waits again: what the next system call looks at has to wait for all that
/// was asked for before. Jobs of other kinds are smaller.
static inline void csr_prefetch_stack(uintptr_t job) {
    const struct csr_task *task = (const struct csr_task *)job;
    if ((task->flags & 0xff) != 0) return;
    const char *top = (const char *)task->resume_context;
    for (int offset = -3 * 64; offset <= 0; offset += 64) __builtin_prefetch(top + offset);
    __builtin_prefetch(task->first_piece);
    const char *waiter = task->waiter;
    if (waiter == NULL) return;
    for (int offset = 16; offset < 16 + 2 * 64; offset += 64) __builtin_prefetch(waiter + offset);
}

/// The same, for the rest of the stack of a task that is likely to end.
static inline void csr_prefetch_rest_of_stack(uintptr_t job) {
    const char *top = (const char *)((const struct csr_task *)job)->resume_context;
    for (int offset = -9 * 64; offset < -3 * 64; offset += 64) __builtin_prefetch(top + offset);
}

/// The waiter of a job that is ready, if it is a task that has one.
static inline void *_Nullable csr_prefetched_waiter(uintptr_t job) {
    const struct csr_task *task = (const struct csr_task *)job;
    return (task->flags & 0xff) == 0 ? task->waiter : NULL;
}

/// Whether a job that has not run yet is a step of a task; then its address is the task's.
static inline bool csr_is_task(uintptr_t job) {
    return (swift_task_getJobFlags((void *_Nonnull)job) & 0xff) == 0;
}

/// The number of a task that is alive: no other task of the process has it, or ever had.
static inline uint64_t csr_task_id(uintptr_t task) {
    return swift_task_getJobTaskId((void *_Nonnull)task);
}

/// Gives a task another number, which `csr_task_id` then returns.
static inline void csr_set_number(uintptr_t task, uint64_t number) {
    struct csr_task *head = (struct csr_task *)task;
    head->number = (uint32_t)number;
    head->number_high = (uint32_t)(number >> 32);
}

/// What was left in a task by `csr_set_waiter`; null in a new one.
static inline void *_Nullable csr_waiter(uintptr_t task) {
    return ((const struct csr_task *)task)->waiter;
}

static inline void csr_set_waiter(uintptr_t task, void *_Nullable waiter) {
    ((struct csr_task *)task)->waiter = waiter;
}

/// Whether a task has values of task-local variables, its own or inherited.
static inline bool csr_has_local_values(uintptr_t task) {
    return ((const struct csr_task *)task)->local_values != NULL;
}

/// How many bytes of memory the stack of a task has, that of the caller; counted up to a limit. It keeps them to its end.
static inline size_t csr_stack_size(uintptr_t task, size_t limit) {
    const struct csr_stack_piece *piece = ((const struct csr_task *)task)->first_piece;
    size_t size = 0;
    for (; piece != NULL && size <= limit; piece = piece->next) size += piece->capacity;
    return size;
}

/// The priority of a task, as tasks inherit it that it makes.
static inline uint8_t csr_priority(uintptr_t task) {
    return (uint8_t)__atomic_load_n(&((const struct csr_task *)task)->status, __ATOMIC_RELAXED);
}

/// The task that a child task (of a group, or an `async let`), which is alive, is a child of; 0 for other tasks.
///
/// The parent comes first in the part that child tasks have behind the common one. Debuggers find it so.
static inline uintptr_t csr_parent(uintptr_t task) {
    const uint32_t is_child = 1u << 24;
    if ((swift_task_getJobFlags((void *_Nonnull)task) & is_child) == 0) return 0;
    return *(const uintptr_t *)(task + _swift_concurrency_debug_asyncTaskSize);
}
