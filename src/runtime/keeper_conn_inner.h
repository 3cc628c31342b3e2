/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The connection to the keeper as its files see it: keeper_conn.c (its life), keeper_request.c
 * (what goes out), keeper_answer.c (what comes in), keeper_upgrade.c, keeper_calls.c. Loop thread.
 */
#pragma once

#include "runtime/keeper_conn.h"

#include "base/list.h"
#include "core/loop.h"
#include "wire/land.h"

#include "keeper_process.h"

#define OPEN_MS 5000 /* from start to ready */
#define MESSAGE_FDS_MAX LAND_FDS

enum keeper_conn_state {
    KEEPER_DOWN,
    KEEPER_CONNECTING,
    KEEPER_GREETING,
    KEEPER_READY,
    KEEPER_DYING
};

union keeper_message {
    struct keeper_head head;
    struct keeper_hello hello;
    struct keeper_welcome welcome;
    struct keeper_spawn spawn;
    struct keeper_ref ref;
    struct keeper_entry entry;
    struct keeper_failed failed;
    struct keeper_upgrade upgrade;
    struct keeper_upgraded upgraded;
    char bytes[KEEPER_MSG_MAX]; /* of another version's messages */
};

struct keeper_request {
    struct list link; /* of `queued` until it is sent, then of `sent` if it is answered */
    union keeper_message message;
    bool is_answered;
    struct launch *launch; /* KM_SPAWN */
    keeper_spawned_fn spawned;
    void (*closed)(void *ctx); /* KM_CLOSE */
    void *ctx;
    int fds[MESSAGE_FDS_MAX]; /* KM_HOLD, KM_ADOPT, KM_UPGRADE: our own duplicates */
    size_t n_fds;
    const int *land; /* KM_LAND */
};

#define KEEPER_CONN_MAGIC 0x6b636f6eu
struct keeper_conn {
    unsigned magic;
    struct loop *loop;
    char *exec_root, *binary;
    const struct keeper_hooks *hooks;
    keeper_adopt_fn adopt;
    void *ctx;
    enum keeper_conn_state state;
    int sock;
    int copy;                     /* sealed binary, -1 until a keeper was started from here */
    char build[KEEPER_BUILD_MAX]; /* of the binary we would start; "": not looked at yet */
    char their_build[KEEPER_BUILD_MAX];
    pid_t pid;
    uint32_t version;
    bool is_strange; /* it speaks another version: only its KM_UPGRADED is understood */
    int pidfd;       /* of the keeper we are or were connected to */
    pid_t child;     /* a keeper that is our own child and not yet reaped, 0 none */
    struct watch *watch;
    struct timer timer, sending;
    int64_t deadline_ns;
    uint64_t last_tag;
    struct list queued, sent;
    const int *landing; /* LAND_FDS of the owner's; NULL: none yet */
    bool has_landing;   /* the keeper does */
    /* keeper_patience.c: runs while anything is queued or sent */
    struct timer patience;
    int64_t heard_ns;
    bool is_pinged, is_silent;
};

/* ---- keeper_request.c ---- */
struct keeper_request *keeper_request_create(struct keeper_conn *k, enum keeper_msg type,
                                             size_t size);
void keeper_request_destroy(struct keeper_request *r);
void keeper_request_fail(struct keeper_request *r, struct err *e); /* takes e; calls back */
/* Negative: errno says why it could not be sent (now). */
ssize_t keeper_request_send(struct keeper_conn *k, const struct keeper_request *r);
void keeper_request_submit(struct keeper_conn *k, struct keeper_request *r);
struct keeper_request *keeper_request_find_sent(struct keeper_conn *k, uint64_t tag);
void keeper_flush(struct keeper_conn *k);
void keeper_queue_landing(struct keeper_conn *k); /* before any spawn; the caller flushes */
/* What is meant for this keeper only: it dies with it. Spawns that were not sent stay. */
void keeper_fail_bound(struct keeper_conn *k);

/* ---- keeper_patience.c ---- */
void keeper_patience_begin(struct keeper_conn *k); /* something waits for the keeper */
void keeper_patience_heard(struct keeper_conn *k);
void keeper_patience_end(struct keeper_conn *k); /* of this connection */
/* A new start while the keeper is silent: answered. */
bool keeper_patience_refuses(struct keeper_conn *k, struct keeper_request *r);

/* ---- keeper_answer.c ---- */
/* One message; false when there is none (*is_lost: and never will be). */
bool keeper_receive_one(struct keeper_conn *k, bool *is_lost);

/* ---- keeper_conn.c ---- */
/* What is always true of the connection; looked at where its state changes, in debug builds. */
void keeper_conn_check(const struct keeper_conn *k);
bool keeper_greet(struct keeper_conn *k);
struct err *keeper_await_ready(struct keeper_conn *k) must_check; /* start-up, blocking */

/* ---- keeper_upgrade.c ---- */
struct err *keeper_know_binary(struct keeper_conn *k) must_check;
/* The file is looked at again before the next start. */
void keeper_forget_binary(struct keeper_conn *k);
/* It goes on serving meanwhile, and whether it works or not nothing here depends on it. */
void keeper_upgrade(struct keeper_conn *k);
/* It must become ours before a word can be exchanged; then it is greeted as if for the first
 * time. Start-up, blocking. */
struct err *keeper_upgrade_stranger(struct keeper_conn *k) must_check;
