/// Descriptors in messages of Unix streams.
///
/// The kernel makes descriptors of what it finds in a message, up to what fits into the control
/// buffer, and closes the rest. The buffer has room for as many as a message can have, so that none
/// exists that the caller is not told of.
#include <string.h>

#include "internal.h"

/// Room beside the descriptors, for what an option of the socket might add before them.
#define OTHER_CONTROL 256

ssize_t cel_descriptors_send(const struct cel_sys *sys, int fd, const void *bytes, size_t count,
                             const int *numbers, size_t number_count) {
    if (count == 0 || number_count > CEL_DESCRIPTORS_MAX) return -EINVAL;
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int) * CEL_DESCRIPTORS_MAX)] = {0};
    // The kernel only reads the bytes; the structure is the same for receiving.
    struct iovec piece = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = count};
    struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1};
    if (number_count > 0) {
        size_t size = sizeof(int) * number_count;
        message.msg_control = control;
        message.msg_controllen = CMSG_SPACE(size);
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(size);
        memcpy(CMSG_DATA(header), numbers, size);
    }
    CEL__RETRY(ssize_t, sent, sys->sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL));
    return sent;
}

/// Takes the descriptors out of a message's data; closes those for which there is no room.
static void collect(const struct cel_sys *sys, const unsigned char *data, size_t size,
                    struct cel_descriptors *out) {
    for (size_t at = 0; at + sizeof(int) <= size; at += sizeof(int)) {
        int number;
        memcpy(&number, data + at, sizeof number);
        if (out->count < CEL_DESCRIPTORS_MAX) {
            out->numbers[out->count++] = number;
        } else {
            sys->close(number);
            out->lost = true;
        }
    }
}

/// The kernel's lengths are right. Should one not be, nothing is read behind the control data: the
/// message is cut there, and is the last.
static void collect_all(const struct cel_sys *sys, struct msghdr *message,
                        struct cel_descriptors *out) {
    out->lost = (message->msg_flags & MSG_CTRUNC) != 0;
    const char *end = (const char *)message->msg_control + message->msg_controllen;
    struct cmsghdr *header = CMSG_FIRSTHDR(message);
    while (header != NULL) {
        size_t there = (size_t)(end - (const char *)header);
        size_t length = header->cmsg_len;
        bool fits = length >= CMSG_LEN(0) && length <= there;
        if (length > there) length = there;
        if (header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS &&
            length >= CMSG_LEN(0)) {
            collect(sys, CMSG_DATA(header), length - CMSG_LEN(0), out);
        }
        if (!fits) out->lost = true;
        header = fits ? CMSG_NXTHDR(message, header) : NULL;
    }
}

ssize_t cel_descriptors_receive(const struct cel_sys *sys, int fd, void *bytes, size_t count,
                                struct cel_descriptors *out) {
    out->count = 0;
    out->lost = false;
    _Alignas(struct cmsghdr) char
        control[CMSG_SPACE(sizeof(int) * CEL_DESCRIPTORS_MAX) + OTHER_CONTROL];
    struct iovec piece = {.iov_base = bytes, .iov_len = count};
    struct msghdr message;
    ssize_t received;
    do {
        message = (struct msghdr){.msg_iov = &piece,
                                  .msg_iovlen = 1,
                                  .msg_control = control,
                                  .msg_controllen = sizeof control};
        received = sys->recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        if (received < 0) received = -(ssize_t)errno;
    } while (received == -EINTR);
    if (received >= 0) collect_all(sys, &message, out);
    return received;
}

ssize_t cel_descriptors_refuse(const struct cel_sys *sys, int fd, void *_Nullable bytes,
                               size_t count, bool *stopped) {
    *stopped = false;
    // The kernel would wait for data before it gives none.
    if (count == 0) return 0;
    if (bytes == NULL) return -EFAULT;
    struct iovec piece = {.iov_base = bytes, .iov_len = count};
    struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1};
    CEL__RETRY(ssize_t, received, sys->recvmsg(fd, &message, MSG_DONTWAIT));
    *stopped = received >= 0 && (message.msg_flags & MSG_CTRUNC) != 0;
    return received;
}
