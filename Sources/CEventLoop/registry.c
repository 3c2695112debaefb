/// Registrations: slots with generations, readiness, and every change of the epoll set.
///
/// What epoll is, and what follows from it
///
/// An epoll set does not hold descriptors. It holds pairs of a descriptor number and the open file
/// behind it, and a pair leaves the set by itself only when the last descriptor of that file, in
/// any process, is closed. So a number may be closed while its pair goes on reporting (it was
/// duplicated, or a child has inherited it), and a new file under the same number may join the set
/// beside the old pair; EPOLL_CTL_DEL of the number then finds the new pair and cannot reach the
/// old one. Nor does the kernel say which file an event is about: it hands back 64 bits that we
/// chose.
///
/// Stale events. Those bits are a slot (low half) and its generation (high half). A generation ends
/// when its registration does, so whatever reports for it later does not match any more; it is
/// dropped and counted. That also settles the batch in which one completion's handler ends another
/// registration: its token is stale from then on, and `cel_fd_is_current` says so. Free slots are
/// used again last in, first out, which keeps the table small and warm; a generation then comes
/// back only after 2^32 - 1 registrations of one slot. Generation 0 is for the loop's own
/// descriptors.
///
/// Newest registration of a number. Before closing, the owner deregisters: this is the rule. But a
/// descriptor that somebody handed in can be closed by somebody else, and its number be registered
/// again, while our old registration still stands. Ending the old one must not remove the new one's
/// pair. `newest` remembers which slot has a number; the others are displaced, and touch the kernel
/// no more.
///
/// Arming. CEL_MODE_EDGE asks once for everything, edge-triggered: no system call when a waiter
/// comes and goes. An edge is told once, hence the bits stay in the slot until a system call has
/// said that there is no more. CEL_MODE_ONESHOT asks anew for each report: one call more, but a
/// pair that we cannot reach any more reports once at most, and so can never make the loop spin.
/// The kernel reports hang-ups and errors even for an interest of nothing; before the first rearm
/// such a report is swallowed, and EPOLL_CTL_MOD, which looks at the file anew, brings it back.
#include "internal.h"

/// Everything an owner may ever wait for.
#define EDGE_EVENTS ((uint32_t)(EPOLLIN | EPOLLOUT | EPOLLRDHUP) | EPOLLET)

void cel__registry_init(struct cel__registry *registry, uint32_t first_generation) {
    *registry = (struct cel__registry){
        .first_free = CEL__NONE,
        .first_generation = first_generation,
    };
}

void cel__registry_free(struct cel__registry *registry, const struct cel_sys *sys) {
    sys->free(registry->slots);
    sys->free(registry->newest);
}

static struct cel__slot *_Nullable find(const cel_loop *loop, cel_token token) {
    uint32_t index = cel__token_index(token);
    if (index >= loop->registry.used) return NULL;
    struct cel__slot *slot = &loop->registry.slots[index];
    bool found = slot->mode != 0 && slot->generation == cel__token_generation(token);
    return found ? slot : NULL;
}

/// Finds the slot for the next registration. It is not taken yet.
static int find_free(cel_loop *loop, uint32_t *index) {
    struct cel__registry *registry = &loop->registry;
    *index = registry->first_free;
    if (*index != CEL__NONE) return 0;
    void *slots = registry->slots;
    int result = cel__grow(loop->sys, &slots, &registry->capacity, sizeof *registry->slots,
                           registry->used + 1);
    registry->slots = slots;
    if (result < 0) return result;
    *index = registry->used;
    registry->slots[*index].generation = registry->first_generation;
    return 0;
}

/// Takes the slot that `find_free` has found.
static void take(struct cel__registry *registry, uint32_t index) {
    if (index == registry->used) {
        registry->used++;
    } else {
        registry->first_free = registry->slots[index].next_free;
    }
    registry->count++;
}

static void release(struct cel__registry *registry, uint32_t index) {
    struct cel__slot *slot = &registry->slots[index];
    slot->mode = 0;
    slot->generation = cel__next_generation(slot->generation);
    slot->next_free = registry->first_free;
    registry->first_free = index;
    registry->count--;
}

/// Makes the slot the newest registration of `fd`, and displaces the one before, if there is one.
static int make_newest(cel_loop *loop, int fd, uint32_t index) {
    struct cel__registry *registry = &loop->registry;
    uint32_t known = registry->newest_capacity;
    void *newest = registry->newest;
    int result = cel__grow(loop->sys, &newest, &registry->newest_capacity,
                           sizeof *registry->newest, (uint32_t)fd + 1);
    registry->newest = newest;
    if (result < 0) return result;
    for (; known < registry->newest_capacity; known++) registry->newest[known] = 0;
    uint32_t before = registry->newest[fd];
    if (before != 0) registry->slots[before - 1].fd = CEL__DISPLACED;
    registry->newest[fd] = index + 1;
    return 0;
}

/// Adds the pair of `fd`, or takes over the one that is left from before.
static int put_into_set(cel_loop *loop, int fd, uint32_t events, cel_token token) {
    int result = cel__control(loop, EPOLL_CTL_ADD, fd, events, token);
    if (result != -EEXIST) return result;
    result = cel__control(loop, EPOLL_CTL_MOD, fd, events, token);
    // The last duplicate was closed in between, by another thread or process: now there is room.
    if (result == -ENOENT) result = cel__control(loop, EPOLL_CTL_ADD, fd, events, token);
    return result;
}

int cel_fd_register(cel_loop *loop, int fd, enum cel_mode mode, uint64_t user, cel_token *out) {
    if (fd < 0) return -EBADF;
    if (mode != CEL_MODE_EDGE && mode != CEL_MODE_ONESHOT) return -EINVAL;
    uint32_t index;
    int result = find_free(loop, &index);
    if (result < 0) return result;

    cel_token token = cel__token(index, loop->registry.slots[index].generation);
    uint32_t events = mode == CEL_MODE_EDGE ? EDGE_EVENTS : (uint32_t)EPOLLONESHOT;
    result = put_into_set(loop, fd, events, token);
    if (result < 0) return result;
    // Only now is it known that the number is a descriptor, and not one that asks for gigabytes
    // here.
    result = make_newest(loop, fd, index);
    if (result < 0) {
        if (cel__control(loop, EPOLL_CTL_DEL, fd, 0, 0) < 0) loop->statistics.ignored_errors++;
        return result;
    }

    take(&loop->registry, index);
    struct cel__slot *slot = &loop->registry.slots[index];
    slot->user = user;
    slot->fd = fd;
    slot->readiness = 0;
    slot->mode = (uint8_t)mode;
    slot->armed = false;
    *out = token;
    return 0;
}

int cel_fd_rearm(cel_loop *loop, cel_token token, uint32_t interest) {
    struct cel__slot *slot = find(loop, token);
    if (slot == NULL) return -ESTALE;
    const uint32_t both = CEL_READABLE | CEL_WRITABLE;
    if (slot->mode != CEL_MODE_ONESHOT || interest == 0 || (interest & ~both) != 0) return -EINVAL;
    if (slot->fd == CEL__DISPLACED) return -EBADF;

    uint32_t events = EPOLLONESHOT;
    if (interest & CEL_READABLE) events |= EPOLLIN | EPOLLRDHUP;
    if (interest & CEL_WRITABLE) events |= EPOLLOUT;
    int result = cel__control(loop, EPOLL_CTL_MOD, slot->fd, events, token);
    if (result == 0) slot->armed = true;
    return result;
}

int cel_fd_deregister(cel_loop *loop, cel_token token) {
    struct cel__slot *slot = find(loop, token);
    if (slot == NULL) return -ESTALE;
    if (slot->fd == CEL__DISPLACED) {
        loop->statistics.ignored_errors++;
    } else {
        loop->registry.newest[slot->fd] = 0;
        // Whatever goes wrong here, the registration is over, and what it may still report is
        // stale.
        int result = cel__control(loop, EPOLL_CTL_DEL, slot->fd, 0, 0);
        if (result < 0) loop->statistics.ignored_errors++;
    }
    release(&loop->registry, cel__token_index(token));
    return 0;
}

static uint32_t translate(uint32_t kernel_events) {
    uint32_t events = 0;
    if (kernel_events & EPOLLIN) events |= CEL_READABLE;
    if (kernel_events & EPOLLOUT) events |= CEL_WRITABLE;
    if (kernel_events & EPOLLRDHUP) events |= CEL_READ_CLOSED;
    if (kernel_events & EPOLLHUP) events |= CEL_HANG_UP;
    if (kernel_events & EPOLLERR) events |= CEL_ERROR;
    return events;
}

bool cel__registry_report(cel_loop *loop, uint32_t kernel_events, cel_token token,
                          struct cel_completion *out) {
    struct cel__slot *slot = find(loop, token);
    if (slot == NULL) {
        loop->statistics.stale_events++;
        return false;
    }
    uint32_t events = translate(kernel_events);
    if (slot->mode == CEL_MODE_EDGE) {
        slot->readiness |= events;
    } else if (slot->armed) {
        slot->armed = false;
    } else {
        return false;
    }
    *out = (struct cel_completion){
        .user = slot->user,
        .token = token,
        .kind = CEL_KIND_READY,
        .events = events,
    };
    loop->statistics.events++;
    return true;
}

bool cel_fd_is_current(const cel_loop *loop, cel_token token) {
    return find(loop, token) != NULL;
}

uint32_t cel_fd_readiness(const cel_loop *loop, cel_token token) {
    const struct cel__slot *slot = find(loop, token);
    return slot == NULL ? 0 : slot->readiness;
}

void cel_fd_clear(cel_loop *loop, cel_token token, uint32_t readiness) {
    struct cel__slot *slot = find(loop, token);
    if (slot != NULL) slot->readiness &= ~readiness;
}

uint32_t cel_fd_count(const cel_loop *loop) {
    return loop->registry.count;
}
