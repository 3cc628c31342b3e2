/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An exec, shared by exec.c (table, views), exec_create.c, exec_start.c (operations), exec_end.c
 * (the end of a run) and recover/ (the next engine). Loop thread only.
 *
 * `doc` is what the volatile database holds, written when it is created, when it has run for a
 * moment and when it has ended. That it has started the keeper's entry says before.
 */
#pragma once

#include "container/object.h"
#include "exec/exec.h"
#include "wire/keeper_messages.h"

struct hub_streams;

struct exec_doc {
    char *id, *container_id;
    struct exec_config config;
    bool has_started, has_ended;
    bool has_unknown_code; /* as struct container_state's */
    int pid, exit_code;
    int64_t started_ns, ended_ns; /* wall clock: to be shown */
    int64_t ended_boot_ns;        /* boot clock: how long it is kept */
};

#define EXEC_MAGIC 0xe8ec0b1eu
struct exec {
    unsigned magic;      /* EXEC_MAGIC until the last reference goes */
    struct list link;    /* in the container */
    struct container *c; /* NULL when it is gone */
    struct container_table *table;
    struct parts *parts;
    struct arena *arena;
    struct exec_doc doc;
    char keeper_id[KEEPER_ID_MAX];
    struct hub *hub;
    size_t refs;
    int pidfd;
    struct orphan *orphan;
    bool is_started;  /* claimed by a start, which may still be on its way */
    bool is_running;  /* its process is known */
    bool is_settling; /* adopted during its start: the keeper will say how that went */
    bool is_drained, has_exited;
    bool is_recorded;         /* its end is written: the keeper may forget it */
    bool must_close_stdin;    /* adopted: its client is gone */
    bool is_probe, is_doomed; /* doomed: killed before it ran */
    bool is_stale;            /* its container has ended before it was started */
    void (*on_end)(void *ctx, const struct err *err, int exit_code); /* a probe's */
    void *end_ctx;
    struct exit_record exit;
    struct timer saving; /* that it has started */
    int rows, cols;      /* asked for before it ran; 0: not */
};

#define EXEC_KIND "exec" /* in exec_db */
extern const struct jtable exec_doc_json;

/* ---- exec.c ---- */
/* As container_of_ctx. */
static inline struct exec *exec_of_ctx(void *ctx)
{
    struct exec *e = ctx;

    ASSERT(e->magic == EXEC_MAGIC);
    return e;
}
/* Debug builds: what is true of an exec between any two transitions. */
void exec_check(const struct exec *e);
struct exec *exec_alloc(struct container_table *t); /* one reference, the caller's */
void exec_release(struct exec *e, size_t n_refs);
void exec_insert(struct exec *e, struct container *c); /* the reference becomes the table's */
/* Out of the container's list, whose reference becomes the caller's. */
void exec_take_out(struct exec *e);
void exec_event(struct exec *e, const char *action, const char *exit_code); /* or NULL */
void exec_save(struct exec *e);                                             /* in the background */
void exec_save_for(struct exec *e, struct op *op);                          /* an ON_EVENT step */
void exec_delete_document(struct exec *e);
struct exec *exec_of_keeper_id(const struct container_table *t, const char *id);
/* Its process is known: takes pidfd. The two references of a run are the caller's to take. */
void exec_note_running(struct exec *e, int pid, int pidfd, int64_t started_ns);
/* A probe's end. Returns how many references the caller has to release for it. */
size_t exec_end_probe(struct exec *e, const struct err *err, int exit_code);
/* Something of its run is still to come. */
static inline bool exec_is_alive(const struct exec *e)
{
    return e->is_running || e->is_settling;
}

/* ---- exec_start.c ---- */
/* The streams, with the run's two references: until the end is known, until they are drained. */
void exec_run_streams(struct exec *e, const struct hub_streams *s);

/* ---- exec_end.c ---- */
void exec_on_drained(void *exec);
void exec_work_off_exit(struct exec *e); /* the one that is noted, of a running one */
void exec_watch_orphan(struct exec *e);
void exec_hand_back(struct exec *e); /* to a new keeper, and watch it */
