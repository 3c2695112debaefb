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

extern CSR_ASYNC void swift_task_switch(CSR_CONTEXT struct csr_context *context, csr_resume *resume,
                                        uintptr_t executor_identity,
                                        uintptr_t executor_implementation);

/// `nonisolated(nonsending) func csr_switch(_: UInt, _: UInt) async`: the first two words are the caller's isolation.
///
/// In C, as the compiler adds a switch back to whatever it thinks has switched away. Here nobody need switch back:
/// the job is run where the task was.
CSR_ASYNC void csr_switch(CSR_CONTEXT struct csr_context *context, uintptr_t isolation,
                          uintptr_t isolation_flags, uintptr_t executor_identity,
                          uintptr_t executor_implementation);

CSR_ASYNC void csr_switch(CSR_CONTEXT struct csr_context *context, uintptr_t isolation,
                          uintptr_t isolation_flags, uintptr_t executor_identity,
                          uintptr_t executor_implementation) {
    (void)isolation;
    (void)isolation_flags;
    return swift_task_switch(context, context->resume, executor_identity, executor_implementation);
}

// The record by which Swift calls an async function: where it is, and how much context it wants.
__asm__(".pushsection .rodata\n"
        ".balign 8\n"
        ".globl csr_switchTu\n"
        ".hidden csr_switchTu\n"
        "csr_switchTu:\n"
        ".long csr_switch - .\n"
        ".long 16\n"
        ".popsection\n");
