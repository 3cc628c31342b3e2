/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the keeper knows of one process (or of held sockets), and the table of them: fixed
 * slots in reserved address space, a hash by id. Pointers stay valid until entry_destroy.
 */
#pragma once

#include "base/list.h"
#include "wire/keeper_messages.h"
#include "wire/program.h"

#include <stdbool.h>
#include <stdint.h>

enum { ENTRIES_MAX = 65536, ENTRY_BUCKETS = 16384 };

enum owes { OWES_SPAWNED = 1, OWES_FAILED = 2, OWES_EXITED = 4 };

struct entry {
    struct list listed, owed;        /* links of keeper.listing and keeper.owing */
    struct list helping;             /* of keeper.helpers: n_hops */
    uint32_t slot, generation, next; /* next in its bucket or in the free list: slot + 1 */
    uint32_t next_of_pid;            /* the same by pid */
    uint32_t owes;
    int pid, pidfd; /* of the one that counts; while n_hops of the last helper that is known */
    int helper_fd;  /* pidfd of the helper that made it, -1 */
    int status_fd;  /* -1 once the start is settled */
    bool is_used;
    uint8_t n_hops;  /* how many more processes come before the one that counts */
    bool is_orphan;  /* the engine that asked for the start is gone: nobody knows its tag */
    bool is_at_exec; /* the child has said that execve is next */
    int status;
    enum keeper_state state;
    bool has_failed;
    struct program_failure failure;
    uint64_t tag; /* of the spawn request */
    int64_t started_wall_ns, exited_wall_ns;
    uint64_t start_ticks;
    uint32_t n_holds;
    bool stdin_attached;
    struct {                      /* while no engine is there: drain.c */
        uint32_t record;          /* number + 1 in the landing memory, 0: none */
        uint8_t watched, blocked; /* bits of holds; blocked: waits for room */
        bool drops;
        bool is_whole; /* every chunk of the file has its length */
    } spool;
    int holds[KEEPER_HOLDS_MAX];
    uint8_t roles[KEEPER_HOLDS_MAX];
    char id[KEEPER_ID_MAX];
};

struct entry_table {
    struct entry *slots;
    uint32_t *buckets;                /* slot + 1, 0 none */
    uint32_t *pids;                   /* buckets by pid */
    uint32_t n_used, n_touched, free; /* n_touched: slots ever used */
};

bool table_init(struct entry_table *t);
struct entry *entry_create(struct entry_table *t, const char *id); /* NULL: full */
void entry_destroy(struct entry_table *t, struct entry *e);        /* closes what it holds */
void entry_set_pid(struct entry_table *t, struct entry *e, int pid);
/* Whose process that runs has this pid; NULL: nobody's that we know. */
struct entry *entry_of_child(const struct entry_table *t, int pid);
struct entry *entry_find(const struct entry_table *t, const char *id, int pid);
/* All of an id: after `e`, NULL: the first. */
struct entry *entry_next(const struct entry_table *t, const char *id, const struct entry *e);
struct entry *entry_at(const struct entry_table *t, uint32_t slot, uint32_t generation);
bool entry_close_role(struct entry *e, uint32_t role); /* false: not held */
