/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shared memory of landing. libc only: it is in the engine and in the keeper. The engine uses
 * slots and records' heads on its loop, a record's states on the one worker that lands its log.
 * Trap: the order of the stores is the protocol. A slot names its record before the splice and
 * forgets it after the flip, and a state is never changed while it holds.
 */
#include "wire/land.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Memory that two processes share: a number past its end would be written to whatever is there.
 * libc only, so base's ASSERT is not at hand. */
#define LAND_ASSERT(x) ((x) ? (void)0 : abort())

#define MAGIC 0x646e616cu
#define MAP_SIZE (LAND_PAGE + (size_t)(LAND_SLOTS + LAND_RECORDS) * LAND_SPAN)

struct land_head {
    uint32_t magic, version;
    uint32_t n_touched; /* records that were ever used */
};

/* The store that makes what was written before it count. Release order is enough: the other process
 * looks only when this one is dead, and then sees all of it or none. */
static void publish(uint64_t *at, uint64_t value)
{
    __atomic_store_n(at, value, __ATOMIC_RELEASE);
}

static void *map_fd(int fd)
{
    void *p = mmap(NULL, MAP_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);

    if (p == MAP_FAILED)
        return NULL;
    madvise(p, MAP_SIZE, MADV_DONTFORK); /* no child of the keeper may see it */
    madvise(p, MAP_SIZE, MADV_DONTDUMP);
    return p;
}

/* Each slot has an open file description of its own, since splice(2) writes at its offset: the
 * offset says, without any store of ours, how much came. */
static int open_slots(struct land *l)
{
    char path[40];

    snprintf(path, sizeof(path), "/proc/self/fd/%d", l->fds[0]);
    for (int i = 1; i < LAND_FDS; i++) {
        l->fds[i] = open(path, O_RDWR | O_CLOEXEC);
        if (l->fds[i] < 0)
            return errno;
    }
    return 0;
}

int land_create(struct land *l)
{
    struct land_head *head;
    int error = 0;

    l->map = NULL;
    for (int i = 0; i < LAND_FDS; i++)
        l->fds[i] = -1;
    l->fds[0] = memfd_create("berth-landing", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (l->fds[0] < 0 || ftruncate(l->fds[0], (off_t)MAP_SIZE) ||
        fcntl(l->fds[0], F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL))
        error = errno;
    if (!error)
        error = open_slots(l);
    if (!error && !(l->map = map_fd(l->fds[0])))
        error = errno;
    if (error) {
        land_close(l);
        return error;
    }
    head = (struct land_head *)(void *)l->map;
    head->version = LAND_VERSION;
    head->magic = MAGIC;
    return 0;
}

int land_open(struct land *l, const int fds[LAND_FDS])
{
    const struct land_head *head;
    char *map = map_fd(fds[0]);

    if (!map)
        return errno;
    head = (const struct land_head *)(void *)map;
    if (lseek(fds[0], 0, SEEK_END) != (off_t)MAP_SIZE || head->magic != MAGIC ||
        head->version != LAND_VERSION) {
        munmap(map, MAP_SIZE);
        return EPROTO;
    }
    memcpy(l->fds, fds, sizeof(l->fds));
    l->map = map;
    return 0;
}

bool land_is_fixed(int fd)
{
    int seals = fcntl(fd, F_GET_SEALS);

    return seals >= 0 && seals & F_SEAL_SHRINK;
}

void land_close(struct land *l)
{
    if (l->map)
        munmap(l->map, MAP_SIZE);
    l->map = NULL;
    for (int i = 0; i < LAND_FDS; i++) {
        if (l->fds[i] >= 0)
            close(l->fds[i]);
        l->fds[i] = -1;
    }
}

/* ---- slots ---- */

static size_t place_of_slot(unsigned slot)
{
    LAND_ASSERT(slot < LAND_SLOTS + LAND_RECORDS);
    return LAND_PAGE + (size_t)slot * LAND_SPAN;
}

struct land_slot *land_slot(const struct land *l, unsigned slot)
{
    size_t at = place_of_slot(slot) + (slot < LAND_SLOTS ? 0 : LAND_PARKED_AT);

    return (struct land_slot *)(void *)(l->map + at);
}

char *land_bytes(const struct land *l, unsigned slot)
{
    return l->map + place_of_slot(slot) + LAND_PAGE;
}

/* What stands behind an offset that is no place of the window was never taken: the engine died
 * between lseek and splice of another use. */
size_t land_filled(const struct land *l, unsigned slot)
{
    off_t begin = (off_t)(place_of_slot(slot) + LAND_PAGE);
    off_t at;

    if (slot >= LAND_SLOTS)
        return land_slot(l, slot)->n_parked;
    at = lseek(l->fds[1 + slot], 0, SEEK_CUR);
    return at > begin && at <= begin + (off_t)LAND_WINDOW ? (size_t)(at - begin) : 0;
}

void land_release(const struct land *l, unsigned slot)
{
    publish(&land_slot(l, slot)->record, 0);
}

/* The slot names its record before the splice, so bytes are never in a slot that belongs to nobody.
 * lseek comes first of all: a stale offset would count old bytes as new ones. */
ssize_t land_fill(const struct land *l, unsigned slot, unsigned record, uint64_t seq, int stream,
                  int64_t wall_ns, int pipe)
{
    struct land_slot *s = land_slot(l, slot);
    int fd = l->fds[1 + slot];
    ssize_t n;

    LAND_ASSERT(slot < LAND_SLOTS && record < LAND_RECORDS);
    LAND_ASSERT(!s->record);
    if (lseek(fd, (off_t)(place_of_slot(slot) + LAND_PAGE), SEEK_SET) < 0)
        return -errno;
    s->seq = seq;
    s->wall_ns = wall_ns;
    s->stream = stream;
    publish(&s->record, (uint64_t)record + 1);
    n = splice(pipe, NULL, fd, NULL, LAND_WINDOW, SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
    if (n > 0)
        return n;
    n = n < 0 ? -errno : 0;
    land_release(l, slot);
    return n;
}

/* ---- records ---- */

struct land_record *land_record(const struct land *l, unsigned record)
{
    LAND_ASSERT(record < LAND_RECORDS);
    return (struct land_record *)(void *)(l->map + place_of_slot(LAND_SLOTS + record));
}

struct land_record *land_record_private(void)
{
    void *p = mmap(NULL, LAND_SPAN, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    return p == MAP_FAILED ? NULL : p;
}

void land_record_discard(struct land_record *r)
{
    if (r)
        munmap(r, LAND_SPAN);
}

unsigned land_records_touched(const struct land *l)
{
    return ((const struct land_head *)(const void *)l->map)->n_touched;
}

/* A high-water mark: whoever adopts the memory looks at no record above it, and 16,384 untouched
 * pages stay unallocated. */
static void touch(const struct land *l, unsigned record)
{
    struct land_head *head = (struct land_head *)(void *)l->map;

    if (head->n_touched <= record)
        __atomic_store_n(&head->n_touched, record + 1, __ATOMIC_RELEASE);
}

void land_record_use(const struct land *l, unsigned record, const char *id, enum land_mode mode)
{
    struct land_record *r = land_record(l, record);

    LAND_ASSERT(!r->is_used);
    memset(r, 0, sizeof(*r));
    strncpy(r->id, id, sizeof(r->id) - 1);
    r->mode = mode;
    publish(&r->is_used, 1);
    touch(l, record);
}

void land_park(const struct land *l, unsigned slot, unsigned record)
{
    struct land_record *r = land_record(l, record);
    struct land_slot *to = land_slot(l, LAND_SLOTS + record);
    size_t n = land_filled(l, slot);

    LAND_ASSERT(slot < LAND_SLOTS);
    LAND_ASSERT(n && n <= LAND_WINDOW);
    memset(r, 0, sizeof(*r));
    r->mode = LAND_PARKED;
    r->has_text = 1;
    *to = *land_slot(l, slot);
    to->n_parked = (uint32_t)n;
    memcpy(land_bytes(l, LAND_SLOTS + record), land_bytes(l, slot), n);
    publish(&r->is_used, 1);
    touch(l, record); /* before the slot is given back */
}

/* The text of unterminated lines takes up to 64 KiB a record, so its pages go back; the head stays,
 * since `flips` and the next user start from it. */
void land_record_free(const struct land *l, unsigned record)
{
    struct land_record *r = land_record(l, record);

    publish(&r->is_used, 0);
    if (r->has_text)
        fallocate(l->fds[0], FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                  (off_t)(place_of_slot(LAND_SLOTS + record) + LAND_PAGE), 4 * LAND_LINE);
}

const struct land_state *land_state(const struct land_record *r)
{
    return &r->state[__atomic_load_n(&r->flips, __ATOMIC_ACQUIRE) & 1];
}

char *land_text(struct land_record *r, const struct land_state *s, int line)
{
    size_t at = (size_t)(2 * (s - r->state) + line);

    LAND_ASSERT(line == 0 || line == 1);
    return (char *)r + LAND_PAGE + at * LAND_LINE;
}

/* Not the whole record is copied: a state is 200 bytes, and a held line is copied only when there
 * is one. */
struct land_state *land_begin(struct land_record *r)
{
    const struct land_state *now = land_state(r);
    struct land_state *next = &r->state[now == r->state];

    *next = *now;
    for (int i = 0; i < 2; i++) {
        LAND_ASSERT(now->line[i].n <= LAND_LINE);
        if (now->line[i].n)
            memcpy(land_text(r, next, i), land_text(r, now, i), now->line[i].n);
    }
    return next;
}

void land_flip(struct land_record *r)
{
    const struct land_state *next = &r->state[land_state(r) == r->state];

    if (next->line[0].n || next->line[1].n)
        r->has_text = 1;
    publish(&r->flips, r->flips + 1);
}
