/// Addresses: literals to `struct cel_address` and back.
///
/// Never asks a name server. Scope names are looked up in the kernel by the C library, past the
/// table of system calls: they are facts about the machine, not about a socket.
#include <arpa/inet.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "internal.h"

/// The number of an interface, by name or by number. Errors: EINVAL (nothing there), ENODEV.
static int parse_scope(const char *text, uint32_t *out) {
    if (*text == '\0') return -EINVAL;
    uint64_t number = 0;
    const char *digit = text;
    for (; *digit >= '0' && *digit <= '9'; digit++) {
        number = number * 10 + (uint64_t)(*digit - '0');
        if (number > UINT32_MAX) return -ENODEV;
    }
    if (*digit != '\0') number = if_nametoindex(text);
    if (number == 0) return -ENODEV;
    *out = (uint32_t)number;
    return 0;
}

static int parse_ipv6(const char *text, uint16_t port, struct cel_address *out) {
    const char *percent = strchr(text, '%');
    size_t length = percent == NULL ? strlen(text) : (size_t)(percent - text);
    char literal[INET6_ADDRSTRLEN];
    if (length >= sizeof literal) return -EINVAL;
    memcpy(literal, text, length);
    literal[length] = '\0';

    struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    if (inet_pton(AF_INET6, literal, &address.sin6_addr) != 1) return -EINVAL;
    if (percent != NULL) {
        int result = parse_scope(percent + 1, &address.sin6_scope_id);
        if (result < 0) return result;
    }
    memcpy(&out->storage, &address, sizeof address);
    out->length = sizeof address;
    return 0;
}

int cel_address_parse(const char *text, uint16_t port, struct cel_address *out) {
    memset(out, 0, sizeof *out);
    if (strchr(text, ':') != NULL) return parse_ipv6(text, port, out);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    if (inet_pton(AF_INET, text, &address.sin_addr) != 1) return -EINVAL;
    memcpy(&out->storage, &address, sizeof address);
    out->length = sizeof address;
    return 0;
}

/// Whether the address is of `family`, and has all of the structure of that family.
static bool is_whole(const struct cel_address *address, sa_family_t family, size_t size) {
    return address->storage.ss_family == family && address->length >= size;
}

static int format_ipv6(const struct cel_address *address, char *out, size_t capacity) {
    struct sockaddr_in6 ipv6;
    memcpy(&ipv6, &address->storage, sizeof ipv6);
    char literal[INET6_ADDRSTRLEN];
    if (inet_ntop(AF_INET6, &ipv6.sin6_addr, literal, sizeof literal) == NULL) return -errno;

    int length;
    char name[IF_NAMESIZE];
    if (ipv6.sin6_scope_id == 0) {
        length = snprintf(out, capacity, "%s", literal);
    } else if (if_indextoname(ipv6.sin6_scope_id, name) != NULL) {
        length = snprintf(out, capacity, "%s%%%s", literal, name);
    } else {
        // The interface is gone; its number still tells addresses apart.
        length = snprintf(out, capacity, "%s%%%u", literal, (unsigned)ipv6.sin6_scope_id);
    }
    return length < 0 || (size_t)length >= capacity ? -ENOSPC : 0;
}

int cel_address_format(const struct cel_address *address, char *out, size_t capacity) {
    if (is_whole(address, AF_INET6, sizeof(struct sockaddr_in6))) {
        return format_ipv6(address, out, capacity);
    }
    if (!is_whole(address, AF_INET, sizeof(struct sockaddr_in))) return -EAFNOSUPPORT;
    struct sockaddr_in ipv4;
    memcpy(&ipv4, &address->storage, sizeof ipv4);
    if (inet_ntop(AF_INET, &ipv4.sin_addr, out, (socklen_t)capacity) == NULL) return -errno;
    return 0;
}

uint16_t cel_address_port(const struct cel_address *address) {
    if (is_whole(address, AF_INET, sizeof(struct sockaddr_in))) {
        struct sockaddr_in ipv4;
        memcpy(&ipv4, &address->storage, sizeof ipv4);
        return ntohs(ipv4.sin_port);
    }
    if (is_whole(address, AF_INET6, sizeof(struct sockaddr_in6))) {
        struct sockaddr_in6 ipv6;
        memcpy(&ipv6, &address->storage, sizeof ipv6);
        return ntohs(ipv6.sin6_port);
    }
    return 0;
}
