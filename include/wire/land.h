/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The memory in which output lands between a container's pipe and its log, shared by engine and
 * keeper: one memfd with 64 slots for bytes and a record for every log. docs/LANDING.md
 * says why: a SIGKILL at any instruction leaves in here, and in the file offsets of the slots,
 * exactly what the next engine needs.
 *
 * Only the engine that owns the streams writes here, but for `lost`, which is the keeper's.
 */
#pragma once

#include "wire/keeper_messages.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define LAND_VERSION 1 /* of this layout and of the format that is made of it */
#define LAND_SLOTS 64
#define LAND_RECORDS 16384
#define LAND_FDS (1 + LAND_SLOTS) /* the memfd, then the slots */
#define LAND_PAGE 4096u
#define LAND_WINDOW (64u << 10) /* bytes of a slot */
#define LAND_LINE (16u << 10)   /* longest line that is held back, as Docker cuts them */

enum land_mode {
    LAND_BLOCK = 1, /* a full spool stops the reading */
    LAND_DROP,      /* ... drops what comes and counts it */
    LAND_NONE,      /* there is no log: output that no engine takes is thrown away */
    LAND_PARKED,    /* no log's: the bytes of a slot, see land_park */
};

/* Bytes on their way. Its own page, the window follows. The offset of the slot's descriptor minus
 * the window's place is what was taken from the pipe. */
struct land_slot {
    uint64_t record; /* number + 1, 0: free. Set last, cleared first */
    uint64_t seq;    /* in its log; what the record's state has seen is done */
    int64_t wall_ns;
    int32_t stream;
    uint32_t n_parked; /* what it holds, when it is parked: there is no f_pos */
};

struct land_line { /* a line whose end has not come; its text stands elsewhere */
    uint32_t n;
    uint32_t is_continued; /* pieces of it are out already */
    char time[40];         /* of its first piece */
};

/* How far a log has come: all that formatting needs. Never changed in place: see land_flip. */
struct land_state {
    uint64_t ino;  /* of the file; 0: not known */
    int64_t off;   /* what stands behind it in the file does not count */
    uint64_t seq;  /* of the last slot that is landed whole */
    uint64_t base; /* bytes of the next slot (or of the spool's chunk) that are landed, too */
    uint64_t spool_gen, spool_off; /* merged: everything before off of the spool of that gen */
    uint64_t dropped;              /* bytes that had no place, not told yet */
    uint64_t told;                 /* of `lost` */
    struct land_line line[2];      /* stdout, stderr */
};

struct land_record {
    uint64_t flips; /* its lowest bit says which state holds */
    uint64_t is_used;
    uint64_t lost; /* bytes that the keeper dropped */
    uint32_t mode; /* enum land_mode */
    uint32_t has_text;
    char id[KEEPER_ID_MAX]; /* of the container */
    struct land_state state[2];
};

struct land {
    int fds[LAND_FDS];
    char *map;
};

#define LAND_SPAN (LAND_PAGE + 4 * LAND_LINE) /* of a slot and of a record */
#define LAND_PARKED_AT 2048                   /* a parked slot's head in its record's page */
_Static_assert(LAND_WINDOW == 4 * LAND_LINE, "slots and records have one size");
_Static_assert(sizeof(struct land_record) <= LAND_PARKED_AT, "a record's head has its place");

/* All return 0 or an errno. */
int land_create(struct land *l);
int land_open(struct land *l, const int fds[LAND_FDS]); /* takes them when it succeeds */
void land_close(struct land *l);
bool land_is_fixed(int fd); /* the memory: nobody can cut it off under who has mapped it */

struct land_slot *land_slot(const struct land *l, unsigned slot);
char *land_bytes(const struct land *l, unsigned slot); /* its window; 8 free bytes before it */
size_t land_filled(const struct land *l, unsigned slot);
/* Moves what is in the pipe into a free slot. 0: end of file; else bytes or -errno (free again). */
ssize_t land_fill(const struct land *l, unsigned slot, unsigned record, uint64_t seq, int stream,
                  int64_t wall_ns, int pipe);
void land_release(const struct land *l, unsigned slot);
/* Copies a full slot to a record that nobody uses. From then on there are two of one number: the
 * copy counts, and is called slot LAND_SLOTS + record in all of the above but land_fill. */
void land_park(const struct land *l, unsigned slot, unsigned record);

struct land_record *land_record(const struct land *l, unsigned record);
struct land_record *land_record_private(void); /* of a log that does not land; NULL: no memory */
void land_record_discard(struct land_record *r);
unsigned land_records_touched(const struct land *l);
void land_record_use(const struct land *l, unsigned record, const char *id, enum land_mode mode);
void land_record_free(const struct land *l, unsigned record);

const struct land_state *land_state(const struct land_record *r);
/* The next state, a copy of the present one to be changed; the lines' text with it. */
struct land_state *land_begin(struct land_record *r);
char *land_text(struct land_record *r, const struct land_state *s, int line);
/* The state that land_begin gave holds from now on: one store. */
void land_flip(struct land_record *r);

/* EXEC_ROOT/spool/ID, the keeper's: a head, then chunks, each followed by its bytes. */
#define SPOOL_DIR "spool"
#define SPOOL_MAGIC 0x6c6f6f70u
#define SPOOL_OPEN 0xffffffffu /* n of the last chunk: up to the end of the file */
#define SPOOL_MAX (16u << 20)  /* of one container */
#define SPOOL_TOTAL_MAX (512u << 20)
struct spool_head {
    uint32_t magic, version;
    uint64_t gen; /* no two files of one name have the same */
};
struct spool_chunk {
    uint32_t magic, n; /* n at most LAND_WINDOW */
    int64_t wall_ns;
    int32_t stream;
    uint32_t spare;
};
