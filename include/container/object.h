/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The container object, for the rooms that work on it. Loop thread only.
 *
 * `doc` is what the database holds (container/doc.h). Everything else is of this engine process:
 * what runs, who waits, what is in flight. What a room hangs onto the object it gives back when it
 * is asked to (container/hooks.h).
 */
#pragma once

#include "container/container.h"
#include "container/doc.h"
#include "container/parts.h"
#include "container/root_gate.h"
#include "core/op.h"

struct exit_record {
    bool is_set;
    int pid, status;
    int64_t wall_ns;
    bool is_unknown;
};

struct unsaved { /* run/unsaved.c */
    int pid;     /* 0: none; the keeper remembers it until the write succeeds */
    int64_t delay_ms;
    struct timer retry;
};

enum socket_kind { SOCKETS_PORTS, SOCKETS_DNS, SOCKETS_KINDS };

#define CONTAINER_MAGIC 0xc0417a12u
struct container {
    unsigned magic; /* CONTAINER_MAGIC until the last reference goes */
    struct container_table *table;
    struct parts *parts;
    struct arena *arena; /* of the document as created or loaded */
    struct doc doc;
    char *name;          /* heap: doc.name points here */
    struct image *image; /* NULL when it was removed by force */
    struct lane lane;    /* one lifecycle operation at a time */
    struct lane freezer; /* one pause or unpause at a time */
    size_t refs;
    bool is_gone; /* removed from the table, kept by refs */

    int pidfd;             /* -1 unless a process runs */
    struct orphan *orphan; /* NULL unless the run's keeper was killed: nobody reports its exit */
    bool has_level;        /* of SELinux, counted: container/labels.c */
    bool has_id_range;     /* out of the pool of --userns auto: container/ids.c */
    bool must_close_stdin; /* adopted, and the client that had stdin is gone */
    struct hub *hub;
    struct log *log;
    struct endpoint **endpoints; /* heap; while running, one for each of doc.networks */
    size_t n_endpoints;
    struct arena *networks_arena; /* of doc.networks once it was changed; NULL: `arena` */
    struct arena *run_arena;      /* strings of endpoints and ports of this run */
    struct ports *ports;
    struct ports *ports_at_work;  /* a worker has them: place/resume_ports.c gives them back */
    struct dns_host *dns;         /* the resolver it asks; NULL: none */
    size_t n_held[SOCKETS_KINDS]; /* keys in the keeper: place/sockets.c */
    struct holding *holding[SOCKETS_KINDS]; /* on their way there */

    struct root_gate root; /* in front of its files */

    bool is_streaming;       /* the hub has this run's streams, and a reference */
    bool is_starting;        /* from spawn to the end of start: an exit waits */
    bool is_exiting;         /* an exit is being worked on */
    struct exit_record exit; /* arrived, not yet worked on */
    int exit_attempts;       /* that failed to work the exit off */
    struct unsaved unsaved;  /* of the last run whose exit could not be written down */
    struct list settling;    /* tickets: until the exit is worked off */
    struct list settle;      /* struct settle_wait: the same for who is no operation */
    struct list waiters;     /* struct waiter */
    struct list linker;      /* in the table, when it has links: place/legacy_links.c */
    struct list execs;       /* struct exec */
    size_t n_execs;
    struct timer restart_timer;
    int64_t restart_delay_ms;
    int64_t last_run_ns;     /* how long the run was that the restart policy has not judged yet */
    struct list draining;    /* the ticket of the exit that waits for the last output */
    struct op *stop_op;      /* the stop that waits for the exit: a later one may hasten it */
    bool has_been_killed;    /* a kill or stop was asked during this run */
    bool has_sigkill;        /* was sent to its first process: a freezer would only hold it up */
    bool is_restarted;       /* by a command that has stopped it: the end of that run is no end */
    bool is_leaving;         /* its AutoRemove is due: it is not started again */
    bool is_pausing;         /* no exec begins that the freezer would catch half way */
    size_t n_exec_starts;    /* between claim and their end */
    struct list exec_starts; /* tickets: until there are none */
    unsigned n_thaws;        /* signals that had to get through: a pause in flight gives way */
    struct health *health;   /* NULL until a run with a health check */
    struct bind_user *bind_users; /* NULL unless it runs with binds of files: run/file_binds.c */
    size_t n_bind_users;
    size_t n_volume_mounts; /* of its mounts the first so many are: run/volume_mounts.c */
    struct oom_watch *oom;  /* NULL unless it runs with a memory limit */
};

/* What a callback was given when it was registered: still a container, not what was one. */
static inline struct container *container_of_ctx(void *ctx)
{
    struct container *c = ctx;

    ASSERT(c->magic == CONTAINER_MAGIC);
    return c;
}
/* Debug builds: what is true of a container between any two transitions. Call it behind each. */
void container_check(const struct container *c);
/* Its cgroup, as cgroup/ takes it. */
char *container_cgroup(struct arena *a, const struct container *c);
struct container *container_ref(struct container *c);
void container_unref(struct container *c);
/* One reference, the caller's. Takes the arena. */
struct container *container_alloc(struct container_table *t, struct arena *a);
void container_destroy(struct container *c); /* never published, or the last ref */

static inline bool state_is_running(const struct container *c)
{
    return c->doc.state.status == STATUS_RUNNING || c->doc.state.status == STATUS_PAUSED;
}
