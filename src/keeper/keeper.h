/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keeper's one object. Single thread; nothing is allocated after start but slots of the
 * entry table. Trap: fds below FD_HIGH are shared with a child while it is being cloned, so
 * everything that lives longer than one request sits at FD_HIGH and above.
 */
#pragma once

#include "entry.h"

#include "wire/land.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum {
    FD_READY = 3, /* eventfd: a new child says that it owns its fd table */
    FD_HIGH = 64,
};

enum watch_kind {
    WATCH_LISTENER = 1,
    WATCH_ENGINE,
    WATCH_SIGNALS,
    WATCH_PIDFD,
    WATCH_HELPER,
    WATCH_STATUS,
    WATCH_CHILDREN, /* some child has ended, ours or not */
    WATCH_OUTPUT,   /* of the hold with the same place: the next seven as well */
    WATCH_KINDS = WATCH_OUTPUT + KEEPER_HOLDS_MAX
};

struct engine_conn {
    int fd; /* -1: no engine */
    bool said_hello, wants_out;
    bool is_broken; /* nothing can be sent any more, but what the engine said is still read */
    bool owes_welcome, owes_land, owes_end, has_reply;
    uint64_t hello_tag;
    union {
        struct keeper_head head;
        struct keeper_ref ref;
        struct keeper_upgraded upgraded;
    } reply; /* the one answer not tied to an entry; reading stops until it is out */
};

struct keeper {
    int epoll, listener, signals;
    int children;   /* signalfd of SIGCHLD, watched while no sweep is due */
    int home, lock; /* EXEC_ROOT and the lock that makes us its only keeper */
    int procfs;     /* of our own: start times */
    struct engine_conn engine;
    struct entry_table table;
    struct list listing, owing; /* entries with something to send */
    struct land land;           /* map NULL: none */
    bool is_draining, must_retry;
    int spools; /* SPOOL_DIR */
    int64_t spooled, retry_at_ns;
    struct list helpers;                /* entries whose payload is not known yet */
    int64_t idle_since_ns, sweep_at_ns; /* boot clock; sweep 0: none due */
    int64_t sweep_rest_ns;              /* none before: the last one took its time */
    bool had_engine, is_ending;
    bool has_own_oom_score;
    int old_oom_score;
    struct {
        uint64_t soft, hard;
    } old_nofile;
    char *cmdline;
    size_t cmdline_size;
    char build[64];
    int upgrade_fd; /* -1; else the binary to become at the end of this turn */
    struct keeper_upgrade upgrade;
};

int fd_raise(int fd); /* the same at FD_HIGH or above, the low one closed; -1 and errno */
bool keeper_watch(struct keeper *k, int fd, uint32_t events, enum watch_kind kind,
                  const struct entry *e);
void keeper_unwatch(struct keeper *k, int fd);

bool keeper_open_own_fds(struct keeper *k); /* epoll, signals, FD_READY */
bool keeper_watch_signals(struct keeper *k);

/* home.c */
bool home_claim(struct keeper *k);
bool home_listen(struct keeper *k);
bool home_announce(struct keeper *k);
void home_leave(struct keeper *k);

/* burrow.c */
bool burrow_enter_namespace(const char *exec_root);
bool burrow_dig(struct keeper *k, int *out_null);

/* engine_conn.c */
void engine_conn_accept(struct keeper *k);
void engine_conn_receive(struct keeper *k);
void engine_conn_flush(struct keeper *k);
void engine_conn_drop(struct keeper *k, const char *why);
void engine_conn_owe(struct keeper *k, struct entry *e, enum owes what);

/* spawn.c: takes the fds. */
void spawn_entry(struct keeper *k, const struct keeper_spawn *m, int *fds, size_t n_fds);
void spawn_refuse(struct keeper *k, const struct keeper_spawn *m, int sys, const char *detail);

/* drain.c */
bool drain_init(struct keeper *k);
void drain_begin(struct keeper *k); /* the engine is gone: its outputs are ours */
void drain_end(struct keeper *k);   /* ... and a new one's */
void drain_output(struct keeper *k, struct entry *e, unsigned hold);
void drain_retry(struct keeper *k);
void drain_take_memory(struct keeper *k, int *fds); /* takes LAND_FDS */

/* child.c */
struct child_input {
    int program, status;
    int *fds;
    size_t n_fds;
    bool shares_fds;
    int cgroup; /* v2: where its own child goes on, made with clone_flags; -1: it goes on itself */
    uint64_t clone_flags;
};
_Noreturn void child_run(const struct keeper *k, const struct child_input *in);

/* reap.c */
void reap_entry(struct keeper *k, struct entry *e);            /* its pidfd is readable */
void settle_entry(struct keeper *k, struct entry *e);          /* its status pipe has closed */
void reap_helper(struct keeper *k, struct entry *e);           /* an exec's helper has ended */
void reap_schedule(struct keeper *k);                          /* SIGCHLD */
void reap_strangers(struct keeper *k);                         /* the sweep is due */
uint64_t process_start_ticks(const struct keeper *k, int pid); /* 0: not known */

/* adopt.c: takes the fds. */
void adopt_entry(struct keeper *k, const struct keeper_entry *m, int *fds, size_t n_fds);

/* upgrade.c. The fd is taken; the answer is the connection's reply, given by whichever image it
 * is. */
void upgrade_ask(struct keeper *k, const struct keeper_upgrade *m, int fd);
void upgrade_run(struct keeper *k);
void upgrade_forget(struct keeper *k);

/* state.c: what the next image gets, in a memfd. */
int state_save(const struct keeper *k); /* sealed, at FD_HIGH or above; -1 and errno */
bool state_is_good(int fd);
bool state_restore(struct keeper *k, int fd);
bool state_keep_fds(const struct keeper *k, bool across_exec); /* their FD_CLOEXEC */

/* userns.c: a program of its own, main()'s result. */
int userns_main(const char *uids, const char *gids);
