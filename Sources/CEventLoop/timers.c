/// Timers: a heap of deadlines behind the loop's one timer descriptor.
///
/// The heap has four children a node, so that it is half as deep as a binary one and the children
/// share cache lines; it is ordered by deadline, then by order of adding. Each entry knows its slot
/// and each slot its place in the heap, which makes removal O(log n). A token is a slot with a
/// generation, as in registry.c. A timer leaves the heap when it is delivered or removed, never
/// later.
///
/// The descriptor is set with absolute times, on the way to wait, and only if the earliest deadline
/// is earlier than what is set or what is set has passed: adding and removing costs no system call,
/// and a removed deadline costs one early return of the kernel at most. An absolute time cannot be
/// early; a timer is due only when the clock says so, whatever the descriptor says.
#include "internal.h"

#define CHILDREN 4
#define LEAST_CAPACITY 64

void cel__timers_init(struct cel__timers *timers, uint32_t first_generation) {
    *timers = (struct cel__timers){
        .first_free = CEL__NONE,
        .fresh_generation = first_generation,
        .next_sequence = first_generation,
        .fd = -1,
        .armed_ns = CEL_NEVER,
    };
}

void cel__timers_free(struct cel__timers *timers, const struct cel_sys *sys) {
    sys->free(timers->heap);
    sys->free(timers->slots);
}

static bool is_before(const struct cel__deadline *a, const struct cel__deadline *b) {
    // Without a jump, which nobody could foretell.
    bool is_earlier = a->deadline_ns < b->deadline_ns;
    bool is_equal = a->deadline_ns == b->deadline_ns;
    return is_earlier | (is_equal & ((int32_t)(a->sequence - b->sequence) < 0));
}

static void put(struct cel__timers *timers, uint32_t place, struct cel__deadline entry) {
    timers->heap[place] = entry;
    timers->slots[entry.slot].place = place;
}

/// Puts `entry` at `place`, which is free, or above it.
static void sift_up(struct cel__timers *timers, uint32_t place, struct cel__deadline entry) {
    while (place > 0) {
        uint32_t parent = (place - 1) / CHILDREN;
        if (!is_before(&entry, &timers->heap[parent])) break;
        put(timers, place, timers->heap[parent]);
        place = parent;
    }
    put(timers, place, entry);
}

/// The earliest child of `place`; CEL__NONE if it has none.
static uint32_t earliest_child(const struct cel__timers *timers, uint32_t place) {
    uint64_t first = (uint64_t)place * CHILDREN + 1;
    const struct cel__deadline *heap = timers->heap;
    if (first + CHILDREN <= timers->count) {
        // Of each pair, and of the two, by sums: no jump here either.
        uint32_t left = (uint32_t)first;
        uint32_t right = left + 2;
        left += is_before(&heap[left + 1], &heap[left]);
        right += is_before(&heap[right + 1], &heap[right]);
        return left + (right - left) * is_before(&heap[right], &heap[left]);
    }
    if (first >= timers->count) return CEL__NONE;
    uint32_t earliest = (uint32_t)first;
    for (uint32_t child = earliest + 1; child < timers->count; child++) {
        if (is_before(&heap[child], &heap[earliest])) earliest = child;
    }
    return earliest;
}

/// Puts `entry` at `place`, which is free, or below it.
static void sift_down(struct cel__timers *timers, uint32_t place, struct cel__deadline entry) {
    for (;;) {
        uint32_t child = earliest_child(timers, place);
        if (child == CEL__NONE || !is_before(&timers->heap[child], &entry)) break;
        put(timers, place, timers->heap[child]);
        place = child;
    }
    put(timers, place, entry);
}

/// Puts `entry` at `place`, which is free, or where it belongs instead.
static void settle(struct cel__timers *timers, uint32_t place, struct cel__deadline entry) {
    bool rises = place > 0 && is_before(&entry, &timers->heap[(place - 1) / CHILDREN]);
    if (rises) {
        sift_up(timers, place, entry);
    } else {
        sift_down(timers, place, entry);
    }
}

static bool is_in_use(const struct cel__timers *timers, uint32_t slot) {
    uint32_t place = timers->slots[slot].place;
    return place < timers->count && timers->heap[place].slot == slot;
}

static struct cel__timer_slot *_Nullable find(const cel_loop *loop, cel_token token) {
    const struct cel__timers *timers = &loop->timers;
    uint32_t index = cel__token_index(token);
    if (index >= timers->used) return NULL;
    struct cel__timer_slot *slot = &timers->slots[index];
    bool found = slot->generation == cel__token_generation(token) && is_in_use(timers, index);
    return found ? slot : NULL;
}

/// Gives the memory of an array back as far as possible. To fail is harmless: the old one stays.
static void *_Nullable shrink(const struct cel_sys *sys, void *array, uint32_t *capacity,
                              size_t size, uint32_t wanted) {
    void *smaller = sys->realloc(array, wanted * size);
    if (smaller == NULL) return array;
    *capacity = wanted;
    return smaller;
}

/// Drops the free slots at the end of the table, and chains the others so that low ones go first.
///
/// A token of a dropped slot may still be about: slots that are made anew later begin with a
/// generation that none of the dropped ones has had (compared modulo 2^32, since it wraps).
static void trim_slots(cel_loop *loop) {
    struct cel__timers *timers = &loop->timers;
    timers->freed_since_trim = 0;
    timers->trim_at = timers->count / 2;
    while (timers->used > 0 && !is_in_use(timers, timers->used - 1)) {
        uint32_t generation = timers->slots[--timers->used].generation;
        if ((int32_t)(generation - timers->fresh_generation) > 0) {
            timers->fresh_generation = generation;
        }
    }
    timers->first_free = CEL__NONE;
    for (uint32_t slot = timers->used; slot-- > 0;) {
        if (is_in_use(timers, slot)) continue;
        timers->slots[slot].place = timers->first_free;
        timers->first_free = slot;
    }
    uint32_t wanted = timers->used > LEAST_CAPACITY ? timers->used : LEAST_CAPACITY;
    if (wanted < timers->slot_capacity) {
        timers->slots = shrink(loop->sys, timers->slots, &timers->slot_capacity,
                               sizeof *timers->slots, wanted);
    }
}

/// Gives memory back once a table is mostly empty. Costs O(log n) per removal on average: the heap
/// is halved at a quarter; the slots are walked once an eighth of them was freed since the last
/// walk, or half of the timers that it found. (It may find a live slot at the end of the table.)
static void shrink_if_sparse(cel_loop *loop) {
    struct cel__timers *timers = &loop->timers;
    if (timers->heap_capacity > LEAST_CAPACITY && timers->count < timers->heap_capacity / 4) {
        timers->heap = shrink(loop->sys, timers->heap, &timers->heap_capacity,
                              sizeof *timers->heap, timers->heap_capacity / 2);
    }
    bool sparse = timers->used > LEAST_CAPACITY && timers->count < timers->used / 4;
    bool worthwhile =
        timers->freed_since_trim >= timers->used / 8 || timers->count <= timers->trim_at;
    if (sparse && worthwhile) trim_slots(loop);
}

/// Takes the entry at `place` out of the heap and ends its token.
static void take_out(cel_loop *loop, uint32_t place) {
    struct cel__timers *timers = &loop->timers;
    uint32_t index = timers->heap[place].slot;
    struct cel__deadline last = timers->heap[--timers->count];
    if (place < timers->count) settle(timers, place, last);

    struct cel__timer_slot *slot = &timers->slots[index];
    slot->generation = cel__next_generation(slot->generation);
    slot->place = timers->first_free;
    timers->first_free = index;
    timers->freed_since_trim++;
    shrink_if_sparse(loop);
}

/// Makes room for one timer more: in the heap, and in the slots if none is free.
static int reserve(cel_loop *loop) {
    struct cel__timers *timers = &loop->timers;
    void *heap = timers->heap;
    int result = cel__grow(loop->sys, &heap, &timers->heap_capacity, sizeof *timers->heap,
                           timers->count + 1);
    timers->heap = heap;
    if (result < 0 || timers->first_free != CEL__NONE) return result;
    void *slots = timers->slots;
    result = cel__grow(loop->sys, &slots, &timers->slot_capacity, sizeof *timers->slots,
                       timers->used + 1);
    timers->slots = slots;
    return result;
}

int cel_timer_add(cel_loop *loop, uint64_t deadline_ns, uint64_t user, cel_token *out) {
    int result = reserve(loop);
    if (result < 0) return result;
    struct cel__timers *timers = &loop->timers;
    uint32_t index = timers->first_free;
    struct cel__timer_slot *slot;
    if (index != CEL__NONE) {
        slot = &timers->slots[index];
        timers->first_free = slot->place;
    } else {
        index = timers->used++;
        slot = &timers->slots[index];
        slot->generation = timers->fresh_generation;
    }
    slot->user = user;
    *out = cel__token(index, slot->generation);
    struct cel__deadline entry = {deadline_ns, timers->next_sequence++, index};
    sift_up(timers, timers->count++, entry);
    return 0;
}

int cel_timer_remove(cel_loop *loop, cel_token token) {
    const struct cel__timer_slot *slot = find(loop, token);
    if (slot == NULL) return -ENOENT;
    take_out(loop, slot->place);
    return 0;
}

int cel_timer_move(cel_loop *loop, cel_token token, uint64_t deadline_ns) {
    const struct cel__timer_slot *slot = find(loop, token);
    if (slot == NULL) return -ENOENT;
    struct cel__timers *timers = &loop->timers;
    struct cel__deadline entry = {deadline_ns, timers->next_sequence++, cel__token_index(token)};
    settle(timers, slot->place, entry);
    return 0;
}

uint32_t cel_timer_count(const cel_loop *loop) {
    return loop->timers.count;
}

uint64_t cel_timer_user(const cel_loop *loop, uint32_t place) {
    const struct cel__timers *timers = &loop->timers;
    return place < timers->count ? timers->slots[timers->heap[place].slot].user : 0;
}

uint64_t cel_loop_next_deadline(const cel_loop *loop) {
    return loop->timers.count == 0 ? CEL_NEVER : loop->timers.heap[0].deadline_ns;
}

bool cel__timers_are_due(const struct cel__timers *timers, uint64_t now_ns) {
    if (timers->count == 0) return false;
    uint64_t earliest = timers->heap[0].deadline_ns;
    return earliest != CEL_NEVER && earliest <= now_ns;
}

uint32_t cel__timers_take_due(cel_loop *loop, uint64_t now_ns, struct cel_completion *out,
                              uint32_t limit) {
    struct cel__timers *timers = &loop->timers;
    uint32_t count = 0;
    while (count < limit && cel__timers_are_due(timers, now_ns)) {
        uint32_t index = timers->heap[0].slot;
        const struct cel__timer_slot *slot = &timers->slots[index];
        out[count++] = (struct cel_completion){
            .user = slot->user,
            .token = cel__token(index, slot->generation),
            .kind = CEL_KIND_TIMER,
        };
        take_out(loop, 0);
    }
    loop->statistics.timers_fired += count;
    return count;
}

/// Sets the timer descriptor, which holds `armed_ns` from now on. 0 disarms; the kernel's own time
/// ends at INT64_MAX, after 292 years.
static int set_descriptor(cel_loop *loop, int flags, uint64_t at, uint64_t armed_ns) {
    struct itimerspec value = {0};
    if (at > INT64_MAX) at = INT64_MAX;
    value.it_value.tv_sec = (time_t)(at / 1000000000);
    value.it_value.tv_nsec = (long)(at % 1000000000);
    loop->statistics.timer_arms++;
    if (loop->sys->timerfd_settime(loop->timers.fd, flags, &value, NULL) < 0) return -errno;
    loop->timers.armed_ns = armed_ns;
    return 0;
}

int cel__timers_arm(cel_loop *loop, uint64_t now_ns) {
    struct cel__timers *timers = &loop->timers;
    uint64_t earliest = cel_loop_next_deadline(loop);
    bool passed = timers->armed_ns <= now_ns && timers->armed_ns != earliest;
    if (earliest >= timers->armed_ns && !passed) return 0;

    // Zero would disarm, and is what CEL_NEVER asks for: a time that has passed and was not read
    // would end the wait for nothing.
    uint64_t at = earliest == 0 ? 1 : earliest == CEL_NEVER ? 0 : earliest;
    return set_descriptor(loop, TFD_TIMER_ABSTIME, at, earliest);
}

int cel__timers_bound_wait(cel_loop *loop, uint64_t real_ns) {
    if (real_ns == CEL_NEVER) {
        if (loop->timers.armed_ns == CEL_NEVER) return 0;
        return set_descriptor(loop, 0, 0, CEL_NEVER);
    }
    return set_descriptor(loop, 0, real_ns == 0 ? 1 : real_ns, 0);
}

void cel__timers_acknowledge(cel_loop *loop) {
    int result = cel__read_counter(loop->sys, loop->timers.fd);
    // EAGAIN: it was set anew between report and read. Another error shows again when it is next
    // set.
    if (result < 0 && result != -EAGAIN) loop->statistics.ignored_errors++;
    // Also after an error: to believe that nothing is set costs one call, the opposite a lost
    // timer.
    loop->timers.armed_ns = CEL_NEVER;
}
