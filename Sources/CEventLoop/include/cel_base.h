/// What all headers share: attributes, tokens, time, a hint for the cache.
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __clang__
#define CEL_ASSUME_NONNULL_BEGIN _Pragma("clang assume_nonnull begin")
#define CEL_ASSUME_NONNULL_END _Pragma("clang assume_nonnull end")
#else
#define CEL_ASSUME_NONNULL_BEGIN
#define CEL_ASSUME_NONNULL_END
#ifndef _Nullable
#define _Nullable
#define _Nonnull
#endif
#endif

/// A result that must be looked at: it may be `-errno`.
#define CEL_CHECKED __attribute__((warn_unused_result))

/// Names one registration or one timer, for ever: slot index (low 32 bits) and generation (high 32
/// bits). A token that outlives what it names is stale, and no function mistakes it for another.
typedef uint64_t cel_token;

/// A token that names nothing. Generations start at 1.
#define CEL_NO_TOKEN ((cel_token)0)

/// The deadline that never comes.
#define CEL_NEVER UINT64_MAX

/// Asks the processor for memory that will be looked at soon. The address need not be a good one.
static inline void cel_prefetch(const void *_Nonnull address, size_t size) {
    for (size_t offset = 0; offset < size; offset += 64) {
        __builtin_prefetch((const char *)address + offset);
    }
}
