/// The answers of a kernel that wishes its programs ill.
#include "HostileKernel.h"

#include <errno.h>
#include <string.h>
#include <sys/uio.h>

static struct hostile_answer answer;
static int closed[HOSTILE_CLOSES_MAX];
static size_t close_count;
static int sent_count;

static int hostile_close(int fd) {
    if (close_count < HOSTILE_CLOSES_MAX) closed[close_count] = fd;
    close_count++;
    return 0;
}

/// Whether the call fails; then errno says how.
static bool fails(void) {
    if (answer.interruptions > 0) {
        answer.interruptions--;
        errno = EINTR;
        return true;
    }
    if (answer.result >= 0) return false;
    errno = (int)-answer.result;
    return true;
}

static size_t least(size_t one, size_t two) {
    return one < two ? one : two;
}

static ssize_t hostile_recvmsg(int fd, struct msghdr *message, int flags) {
    (void)fd, (void)flags;
    if (fails()) return -1;
    size_t count = least((size_t)answer.result, message->msg_iov[0].iov_len);
    memset(message->msg_iov[0].iov_base, 'b', count);
    if (message->msg_control != NULL) {
        // What lies behind the answer must not be read.
        memset(message->msg_control, 0x5A, message->msg_controllen);
        size_t control = least(answer.control_count, message->msg_controllen);
        if (control > 0) memcpy(message->msg_control, answer.control, control);
        message->msg_controllen = control;
    }
    message->msg_flags = answer.flags;
    return (ssize_t)count;
}

static int hostile_recvmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags) {
    (void)fd, (void)flags;
    if (fails()) return -1;
    size_t received = least((size_t)answer.result, count);
    size_t at = 0;
    for (size_t i = 0; i < received; i++) {
        struct msghdr *message = &messages[i].msg_hdr;
        size_t size = least(answer.message_length, message->msg_iov[0].iov_len);
        memset(message->msg_iov[0].iov_base, 'd', size);
        messages[i].msg_len = answer.message_length;
        size_t length = at < answer.name_count ? answer.names[at++] : 0;
        // As the kernel does: the name's own length, and as much of it as there is room for.
        size_t kept = least(least(length, message->msg_namelen), answer.name_count - at);
        if (kept > 0) memcpy(message->msg_name, answer.names + at, kept);
        at += kept;
        message->msg_namelen = (socklen_t)length;
        message->msg_flags = answer.flags;
    }
    return (int)received;
}

static ssize_t hostile_sendmsg(int fd, const struct msghdr *message, int flags) {
    (void)fd, (void)flags;
    sent_count = 0;
    if (message->msg_control != NULL) {
        const struct cmsghdr *header = CMSG_FIRSTHDR(message);
        size_t size = header == NULL ? 0 : header->cmsg_len - CMSG_LEN(0);
        bool good = header != NULL && header->cmsg_type == SCM_RIGHTS &&
                    CMSG_SPACE(size) == message->msg_controllen && size % sizeof(int) == 0;
        sent_count = good ? (int)(size / sizeof(int)) : -1;
    }
    return (ssize_t)message->msg_iov[0].iov_len;
}

static const struct cel_sys table = {
    .recvmsg = hostile_recvmsg,
    .recvmmsg = hostile_recvmmsg,
    .sendmsg = hostile_sendmsg,
    .close = hostile_close,
};

void hostile_answer(const struct hostile_answer *next) {
    answer = *next;
    close_count = 0;
}

const struct cel_sys *hostile_kernel(void) {
    return &table;
}

size_t hostile_closes(const int *_Nullable *_Nonnull numbers) {
    *numbers = closed;
    return close_count;
}

int hostile_sent(void) {
    return sent_count;
}
