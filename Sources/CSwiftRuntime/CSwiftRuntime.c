#include "CSwiftRuntime.h"

static __attribute__((swiftcall)) void handle_cancellation(CSR_OBJECT void *waiter) {
    csr_waiter_is_cancelled(waiter);
}

void *csr_add_cancellation_handler(void *waiter) {
    return swift_task_addCancellationHandler(handle_cancellation, waiter);
}

#if __has_feature(thread_sanitizer)
extern void __tsan_acquire(void *address);
extern void __tsan_release(void *address);
#else
#define __tsan_acquire(address) ((void)(address))
#define __tsan_release(address) ((void)(address))
#endif

// The address that the sanitizer's order hangs on. Any in the task would do, so that the next task there begins anew:
// what the word has in it does not matter.
static inline void *order_of(uintptr_t task) {
    return &((struct csr_task *)task)->waiter;
}

void csr_resume_continuation(uintptr_t task) {
    __tsan_release(order_of(task));
    swift_continuation_resume((void *)task);
}

void csr_has_resumed(uintptr_t task) {
    __tsan_acquire(order_of(task));
}

/// `nonisolated(nonsending) func csr_park(_: UnsafeMutableRawPointer, _: @convention(c) (UnsafeMutableRawPointer) ->
/// Void) async`: the first two words are the caller's isolation.
CSR_ASYNC void csr_park(CSR_CONTEXT struct csr_context *context, uintptr_t isolation,
                        uintptr_t isolation_flags, void *object,
                        void (*has_parked)(void *object));

CSR_ASYNC void csr_park(CSR_CONTEXT struct csr_context *context, uintptr_t isolation,
                        uintptr_t isolation_flags, void *object,
                        void (*has_parked)(void *object)) {
    (void)isolation;
    (void)isolation_flags;
    csr_suspend((uintptr_t)swift_task_getCurrent(), context);
    has_parked(object);
}

/// `nonisolated(nonsending) func csr_park_waiter(_: UInt) async`
CSR_ASYNC void csr_park_waiter(CSR_CONTEXT struct csr_context *context, uintptr_t isolation,
                               uintptr_t isolation_flags, void *waiter);

CSR_ASYNC void csr_park_waiter(CSR_CONTEXT struct csr_context *context, uintptr_t isolation,
                               uintptr_t isolation_flags, void *waiter) {
    (void)isolation;
    (void)isolation_flags;
    csr_waiter_parks(waiter, context);
}

/// The record by which Swift calls an async function: where it is, and how much context it wants.
struct csr_function {
    int32_t distance;  ///< From here to the code.
    uint32_t context_size;
};

// By a name of this file's: shared libraries know no distance to a symbol that another one could replace.
#define CSR_TEXT(word) #word
#define CSR_VALUE_TEXT(word) CSR_TEXT(word)
#define CSR_FUNCTION_RECORD(name, context_size)        \
    __asm__(".set .Lcode_of_" #name ", " #name "\n"     \
            ".pushsection .rodata\n"                    \
            ".balign 8\n"                               \
            ".globl " #name "Tu\n"                      \
            #name "Tu:\n"                               \
            ".long .Lcode_of_" #name " - .\n"           \
            ".long " CSR_VALUE_TEXT(context_size) "\n"  \
            ".popsection\n")

CSR_FUNCTION_RECORD(csr_park, 16);
CSR_FUNCTION_RECORD(csr_park_waiter, 16);

static void *code(const struct csr_function *function) {
    return (char *)function + function->distance;
}

// The contexts of calls that are only passed on. What is called mostly gets by with so much, and then goes on in the
// caller's stead; otherwise it gets a context of its own.
#define OPERATION_CONTEXT 32
#define BODY_CONTEXT 80

/// Makes the context of a call, which goes on in `resume`.
static struct csr_context *open_call(struct csr_context *caller, const struct csr_function *function, void *resume) {
    struct csr_context *context = swift_task_alloc(function->context_size);
    context->parent = caller;
    context->resume = (csr_resume *)resume;
    return context;
}

typedef CSR_ASYNC void csr_resume_or_throw(CSR_CONTEXT struct csr_context *context, CSR_OBJECT void *error);

static CSR_ASYNC void after_operation(CSR_CONTEXT struct csr_context *context, CSR_OBJECT void *error) {
    struct csr_context *caller = context->parent;
    swift_task_dealloc(context);
    return ((csr_resume_or_throw *)(void *)caller->resume)(caller, error);
}

typedef CSR_ASYNC void csr_operation(void *result, CSR_CONTEXT struct csr_context *context, uintptr_t isolation,
                                     uintptr_t isolation_flags, CSR_OBJECT void *captured);

/// `nonisolated(nonsending) func csr_call<T>(_: () async throws -> T) async throws -> T`
CSR_ASYNC void csr_call(void *result, CSR_CONTEXT struct csr_context *context, uintptr_t isolation,
                        uintptr_t isolation_flags, const struct csr_function *operation, void *captured,
                        const void *type);

CSR_ASYNC void csr_call(void *result, CSR_CONTEXT struct csr_context *context, uintptr_t isolation,
                        uintptr_t isolation_flags, const struct csr_function *operation, void *captured,
                        const void *type) {
    (void)type;
    if (operation->context_size <= OPERATION_CONTEXT) {
        return ((csr_operation *)code(operation))(result, context, isolation, isolation_flags, captured);
    }
    struct csr_context *callee = open_call(context, operation, (void *)after_operation);
    return ((csr_operation *)code(operation))(result, callee, isolation, isolation_flags, captured);
}

CSR_FUNCTION_RECORD(csr_call, OPERATION_CONTEXT);

static CSR_ASYNC void after_body(CSR_CONTEXT struct csr_context *context) {
    struct csr_context *caller = context->parent;
    swift_task_dealloc(context);
    return caller->resume(caller);
}

typedef CSR_ASYNC void csr_body(CSR_CONTEXT struct csr_context *context, uintptr_t isolation,
                                uintptr_t isolation_flags, void *object, CSR_OBJECT void *captured);

/// `nonisolated(nonsending) func csr_call_body(_: (AnyObject) async -> Void, _: AnyObject) async`, for any class of
/// objects.
CSR_ASYNC void csr_call_body(CSR_CONTEXT struct csr_context *context, uintptr_t isolation, uintptr_t isolation_flags,
                             const struct csr_function *body, void *captured, void *object);

CSR_ASYNC void csr_call_body(CSR_CONTEXT struct csr_context *context, uintptr_t isolation, uintptr_t isolation_flags,
                             const struct csr_function *body, void *captured, void *object) {
    if (body->context_size <= BODY_CONTEXT) {
        return ((csr_body *)code(body))(context, isolation, isolation_flags, object, captured);
    }
    struct csr_context *callee = open_call(context, body, (void *)after_body);
    return ((csr_body *)code(body))(callee, isolation, isolation_flags, object, captured);
}

CSR_FUNCTION_RECORD(csr_call_body, BODY_CONTEXT);
