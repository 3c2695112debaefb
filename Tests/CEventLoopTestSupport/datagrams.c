/// Datagrams of the scripted table: a kernel that will not cut arrays into them.
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "CEventLoopTestSupport.h"

struct datagrams {
    uint64_t messages;
    uint64_t cut;
    int refusal;
    uint16_t limit;
};

static _Thread_local struct datagrams datagrams;

void script_reset_datagrams(void) {
    datagrams = (struct datagrams){0};
}

void script_refuse_segments(uint16_t limit, int error) {
    datagrams.limit = limit;
    datagrams.refusal = error;
}

uint64_t script_messages(void) {
    return datagrams.messages;
}

uint64_t script_messages_cut(void) {
    return datagrams.cut;
}

/// The size of the segments that a message is to be cut into; 0 for none.
static uint16_t segment_size(struct msghdr *message) {
    uint16_t size = 0;
    struct cmsghdr *header = CMSG_FIRSTHDR(message);
    if (header != NULL && header->cmsg_level == CEL_SOL_UDP &&
        header->cmsg_type == CEL_UDP_SEGMENT && header->cmsg_len == CMSG_LEN(sizeof size)) {
        memcpy(&size, CMSG_DATA(header), sizeof size);
    }
    return size;
}

int script_send_datagrams(int fd, struct mmsghdr *messages, unsigned count, int flags) {
    unsigned taken = count;
    if (datagrams.refusal != 0) {
        taken = 0;
        while (taken < count && segment_size(&messages[taken].msg_hdr) <= datagrams.limit) taken++;
    }
    if (taken == 0) {
        errno = datagrams.refusal;
        return -1;
    }
    int sent = cel_sys_default()->sendmmsg(fd, messages, taken, flags);
    for (int i = 0; i < sent; i++) {
        datagrams.messages++;
        if (segment_size(&messages[i].msg_hdr) > 0) datagrams.cut++;
    }
    return sent;
}
