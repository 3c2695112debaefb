#include "CSwiftRuntime.h"

static void (*on_cancel)(void *object);

void csr_set_on_cancel(void (*new_on_cancel)(void *object)) {
    on_cancel = new_on_cancel;
}

static __attribute__((swiftcall)) void handle_cancellation(CSR_OBJECT void *object) {
    on_cancel(object);
}

void *csr_add_cancellation_handler(void *object) {
    return swift_task_addCancellationHandler(handle_cancellation, object);
}

/// What the caller of an async function hands over, as far as the compiler and the runtime agree on it.
struct csr_context {
    struct csr_context *parent;
    csr_resume *resume;
};

static void (*on_park)(void *object);

void csr_set_on_park(void (*new_on_park)(void *object)) {
    on_park = new_on_park;
}

/// `nonisolated(nonsending) func csr_park(_: UnsafeMutableRawPointer) async`: the first two words are the caller's
/// isolation.
///
/// Returning to the caller of the job, without going on with the context, suspends the task. The runtime would also
/// note what the task waits for, and enqueue it somewhere; and it would clear the current task, which is not to be had
/// from outside. Hence a job that parks must be run inside another task: whoever runs a job restores the current task
/// that was before, if there was one.
CSR_ASYNC void csr_park(CSR_CONTEXT struct csr_context *context, uintptr_t isolation,
                        uintptr_t isolation_flags, void *object);

CSR_ASYNC void csr_park(CSR_CONTEXT struct csr_context *context, uintptr_t isolation,
                        uintptr_t isolation_flags, void *object) {
    (void)isolation;
    (void)isolation_flags;
    struct csr_task *task = swift_task_getCurrent();
    task->resume = context->resume;
    task->resume_context = context;
    // The accesses that the task has begun and not ended stay its own.
    swift_task_exitThreadLocalContext(task->accesses);
    on_park(object);
}

// The record by which Swift calls an async function: where it is, and how much context it wants.
__asm__(".pushsection .rodata\n"
        ".balign 8\n"
        ".globl csr_parkTu\n"
        ".hidden csr_parkTu\n"
        "csr_parkTu:\n"
        ".long csr_park - .\n"
        ".long 16\n"
        ".popsection\n");
