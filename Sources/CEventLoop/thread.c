/// The one pointer a thread for the loop's user. It is thread-local and the loop never looks at it;
/// beside the table of interrupts it is the only state of the library that is not in a loop.
#include <pthread.h>
#include <string.h>

#include "internal.h"

static _Thread_local void *_Nullable current;

void *_Nullable cel_thread_get_current(void) {
    return current;
}

void cel_thread_set_current(void *_Nullable pointer) {
    current = pointer;
}

void cel_thread_set_name(const char *name) {
    // The kernel's own bound is 16 bytes with the NUL; longer names would be refused whole.
    char short_name[16];
    strncpy(short_name, name, sizeof(short_name) - 1);
    short_name[sizeof(short_name) - 1] = '\0';
    (void)pthread_setname_np(pthread_self(), short_name);
}
