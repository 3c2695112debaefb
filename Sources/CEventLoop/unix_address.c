/// Addresses of Unix sockets: names to `struct cel_address` and back.
///
/// A name is a path, or an abstract name: any bytes behind a NUL, which no file stands for. The
/// length of the structure, not a NUL, ends an abstract name; a path has no NUL in it. Linux gives
/// a socket that has no name a structure without the name's field.
#include <string.h>
#include <sys/un.h>

#include "internal.h"

#define NAME_OFFSET offsetof(struct sockaddr_un, sun_path)

_Static_assert(sizeof((struct sockaddr_un *)0)->sun_path == CEL_UNIX_NAME_MAX + 1,
               "the limit of a name is that of the structure");

int cel_address_unix(const void *_Nullable name, size_t length, bool abstract,
                     struct cel_address *out) {
    memset(out, 0, sizeof *out);
    // One byte is the NUL that ends a path, or begins an abstract name.
    if (length > CEL_UNIX_NAME_MAX) return -ENAMETOOLONG;
    if (length == 0 || name == NULL) return -EINVAL;
    if (!abstract && memchr(name, 0, length) != NULL) return -EINVAL;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path + (abstract ? 1 : 0), name, length);
    memcpy(&out->storage, &address, sizeof address);
    out->length = (socklen_t)(NAME_OFFSET + length + 1);
    return 0;
}

int cel_address_unix_name(const struct cel_address *address, char *out, size_t *length) {
    *length = 0;
    if (address->length < sizeof(sa_family_t) || address->storage.ss_family != AF_UNIX) {
        return -EAFNOSUPPORT;
    }
    if (address->length <= NAME_OFFSET) return CEL_UNIX_UNNAMED;
    struct sockaddr_un name;
    memcpy(&name, &address->storage, sizeof name);
    size_t size = address->length - NAME_OFFSET;
    if (size > sizeof name.sun_path) size = sizeof name.sun_path;
    if (name.sun_path[0] == '\0') {
        *length = size - 1;
        memcpy(out, name.sun_path + 1, *length);
        return CEL_UNIX_ABSTRACT;
    }
    *length = strnlen(name.sun_path, size);
    memcpy(out, name.sun_path, *length);
    return CEL_UNIX_PATH;
}
