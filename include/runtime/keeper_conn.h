/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine's end of the connection to the keeper. Loop thread; keeper_open
 * blocks and belongs to start-up. All callbacks come on the loop.
 */
#pragma once

#include "base/err.h"
#include "wire/keeper_messages.h"
#include "wire/program.h"

#include <stdbool.h>
#include <stddef.h>

struct keeper_conn;
struct loop;

/* A program with everything that must travel with it. Owns its fds. */
struct launch {
    char id[KEEPER_ID_MAX];
    int program_fd; /* sealed memfd */
    int fds[PROGRAM_FDS_MAX];
    size_t n_fds;
    int holds[KEEPER_HOLDS_MAX]; /* the engine's own ends; the keeper gets duplicates */
    uint8_t roles[KEEPER_HOLDS_MAX];
    size_t n_holds;
    uint64_t clone_flags;
    int cgroup_at; /* index into fds, -1 */
    unsigned flags;
};
void launch_init(struct launch *l);          /* all -1 */
void launch_close(struct launch *l);         /* closes what it still owns; any thread */
int launch_add_fd(struct launch *l, int fd); /* takes fd; its index; asserts below the bound */
/* Takes the hold of a role out (the caller owns it), -1 when there is none. */
int launch_take_hold(struct launch *l, enum keeper_role role);

struct keeper_hooks {
    /* An exit, possibly repeated: answer with keeper_ack when it is recorded. */
    void (*exited)(void *ctx, const struct keeper_entry *e);
    /* The keeper is dead (killed) and its containers are our children, if it was ours: wait for
     * them by their pidfds and hand them to the new keeper (keeper_adopt). Sockets have to be held
     * again. runtime starts a new one by itself. */
    void (*lost)(void *ctx);
    /* A start that an engine before asked for has come to its end: it runs. pidfd is the callee's.
     * When it fails, exited is called with has_failed. */
    void (*settled)(void *ctx, const struct keeper_entry *e, int pidfd);
    /* Before any entry: the landing memory of the engine before, LAND_FDS fds, the callee's. */
    void (*land)(void *ctx, const int *fds);
};

/* What a keeper had when the engine connected. fds[0] is the pidfd (-1 for sockets),
 * fds[1 + i] the held fd of roles[i]; the callee takes all of them. State KEEPER_FOREIGN: no exit
 * will be reported, watch the pidfd. Also called for what is known already, when a keeper that
 * lives on has closed the connection. */
typedef void (*keeper_adopt_fn)(void *ctx, const struct keeper_entry *e, const int *fds);

/* Connects to EXEC_ROOT's keeper, or starts `binary` from a sealed memfd and connects.
 * ERR_CONFLICT when another engine is connected to it. */
struct err *keeper_open(struct loop *l, const char *exec_root, const char *binary,
                        const struct keeper_hooks *hooks, void *ctx, keeper_adopt_fn adopt,
                        struct keeper_conn **out) must_check;
/* Has the binary changed? Then the keeper becomes it in place, in the background; keeper_open does
 * the same. Failure is logged and changes nothing. */
void keeper_look_at_binary(struct keeper_conn *k);
/* Disconnects; the keeper lives on if it has containers. */
void keeper_close(struct keeper_conn *k);
int keeper_pid(const struct keeper_conn *k);

/* err: a sentence in Docker's words made from the failed record ("exec: \"x\": executable
 * file not found in $PATH", …), kind ERR_INVALID for 126/127-class failures. pidfd is the
 * callee's. launch must live until then; its program's fds are closed by keeper_spawn
 * as soon as they are sent, the holds stay the caller's. */
typedef void (*keeper_spawned_fn)(void *ctx, struct err *err, int pid, int pidfd);
/* Returns the number of the request; done is called once, perhaps before that. */
uint64_t keeper_spawn(struct keeper_conn *k, struct launch *l, keeper_spawned_fn done, void *ctx);
/* Nobody waits for it any more: launch may go. What was not sent is not sent; of what was, a child
 * that still sets itself up is killed. done is called all the same, now or later: it may have come
 * to its execve, then it is the callee's to kill. Nothing when done was called already. */
void keeper_spawn_cancel(struct keeper_conn *k, uint64_t number);
/* What a shell would say of such an error: 127 the command was not found, 126 it cannot be run,
 * 137 it was killed while it was set up; `otherwise` when it is not about the command. Pure. */
int spawn_exit_code(const struct err *err, int otherwise);
void keeper_ack(struct keeper_conn *k, const char *id, int pid);
/* done (may be NULL) after the keeper has closed its duplicate. */
void keeper_close_hold(struct keeper_conn *k, const char *id, int pid, enum keeper_role role,
                       void (*done)(void *ctx), void *ctx);
/* A client with stdin is attached: whoever adopts the entry must know (stdin_attached). */
void keeper_note_attached(struct keeper_conn *k, const char *id, int pid);
/* The landing memory (LAND_FDS, borrowed for the keeper's life): this keeper, unless it is the one
 * it came from, and each that comes after it gets duplicates. */
void keeper_share_landing(struct keeper_conn *k, const int *fds, bool has_it);
/* Holds duplicates of sockets under a key across engine restarts; fds stay the caller's. done (may
 * be NULL) later, also when that keeper died. */
void keeper_hold(struct keeper_conn *k, const char *key, const int *fds, size_t n,
                 void (*done)(void *ctx), void *ctx);
void keeper_unhold(struct keeper_conn *k, const char *key);
/* After `lost`: the new keeper keeps what the dead one kept (id, pid, started_wall_ns, n_holds and
 * roles of e count), fds[0] the pidfd, fds[1 + i] of roles[i]; the fds stay the caller's. It will
 * not report the exit: watch the pidfd. keeper_ack lets it go. */
void keeper_adopt(struct keeper_conn *k, const struct keeper_entry *e, const int *fds);
