/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of the engine's connection to the keeper; a keeper that was killed is replaced. Loop
 * thread; keeper_open blocks and belongs to start-up. One state machine serves both: keeper_open
 * turns it with poll(2), later the loop does.
 */
#include "keeper_conn_inner.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"

#include <errno.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define CONNECT_AGAIN_MS 3
#define START_AGAIN_MS 1000
#define RECEIVE_BATCH 64
#define DYING_MS 2000
#define DYING_AGAIN_MS 2

static void advance(struct keeper_conn *k);

/* There is a socket exactly while somebody is spoken to. Answers are waited for from a keeper that
 * was spoken to, so a request is in `sent` only until that one's death is certain. */
void keeper_conn_check(const struct keeper_conn *k)
{
    bool is_talking = k->state == KEEPER_GREETING || k->state == KEEPER_READY;

    ASSERT_DEBUG(k->magic == KEEPER_CONN_MAGIC);
    ASSERT_DEBUG(is_talking == (k->sock >= 0));
    ASSERT_DEBUG(!k->watch || k->sock >= 0);
    ASSERT_DEBUG(k->state == KEEPER_READY || k->state == KEEPER_DYING || list_is_empty(&k->sent));
    ASSERT_DEBUG(k->copy < 0 || k->build[0]);
}

static void disconnect(struct keeper_conn *k)
{
    watch_close(k->watch);
    k->watch = NULL;
    if (k->sock >= 0)
        close(steal_fd(&k->sock));
    timer_clear(k->loop, &k->sending);
    keeper_patience_end(k);
}

/* A keeper that this engine started is its child as well. One of an earlier engine is init's, or
 * ours by PR_SET_CHILD_SUBREAPER, and its end is seen by its pidfd. */
static void reap_child(struct keeper_conn *k)
{
    if (k->child && waitpid(k->child, NULL, WNOHANG) != 0)
        k->child = 0;
}

static void on_timer(struct timer *t)
{
    advance(container_of(t, struct keeper_conn, timer));
}

static void wait_ms(struct keeper_conn *k, int64_t ms)
{
    timer_set(k->loop, &k->timer, ms, on_timer);
}

/* The connection is gone. One that was greeting was never ours, so another try is all; of one that
 * was ready it must first be known whether it is dead. */
static void lose(struct keeper_conn *k)
{
    bool was_ready = k->state == KEEPER_READY;

    ASSERT(k->state == KEEPER_READY || k->state == KEEPER_GREETING);
    disconnect(k);
    k->state = was_ready ? KEEPER_DYING : KEEPER_DOWN;
    k->deadline_ns = clock_boot_ns() + DYING_MS * NS_PER_MS;
    wait_ms(k, was_ready ? 0 : START_AGAIN_MS);
}

/* The end of file comes before the keeper's children become ours (its mount namespace
 * is taken down in between): requests fail and `lost` is told when they can be waited for,
 * and no child in its set-up can come to its execve any more. A keeper that lives on has
 * only closed the connection; its entries will be told again. */
static void await_death(struct keeper_conn *k)
{
    struct pollfd p = {.fd = k->pidfd, .events = POLLIN};
    bool is_dead = k->pidfd < 0 || poll(&p, 1, 0) > 0;

    ASSERT(k->state == KEEPER_DYING && k->sock < 0);
    if (!is_dead && clock_boot_ns() < k->deadline_ns) {
        wait_ms(k, DYING_AGAIN_MS);
        return;
    }
    k->state = KEEPER_DOWN;
    keeper_fail_bound(k);
    wait_ms(k, 0);
    if (is_dead)
        k->hooks->lost(k->ctx);
}

/* At most RECEIVE_BATCH messages a turn: a keeper with ten thousand entries must not hold the
 * loop. */
static void receive(struct keeper_conn *k)
{
    bool is_lost = false;

    for (int i = 0; i < RECEIVE_BATCH && keeper_receive_one(k, &is_lost); i++)
        ;
    if (is_lost)
        lose(k);
    else
        keeper_flush(k);
}

static void on_socket(void *arg, int events)
{
    struct keeper_conn *k = arg;

    ASSERT(k->magic == KEEPER_CONN_MAGIC && k->sock >= 0);
    if (events & (UV_READABLE | UV_DISCONNECT))
        receive(k);
    else
        keeper_flush(k);
}

bool keeper_greet(struct keeper_conn *k)
{
    struct keeper_hello hello = {
        .head = {.type = KM_HELLO, .size = sizeof(hello), .tag = ++k->last_tag},
        .version = KEEPER_VERSION,
        .pid = (uint32_t)getpid(),
        .build = BERTH_VERSION,
    };

    ASSERT(k->sock >= 0);
    if (fd_send_msg(k->sock, &hello, sizeof(hello), NULL, 0) < 0)
        return false;
    k->state = KEEPER_GREETING;
    k->has_landing = false;
    return true;
}

static struct err *start(struct keeper_conn *k)
{
    ASSERT(k->sock < 0);
    reap_child(k);
    TRY(keeper_know_binary(k));
    TRY(keeper_process_start(k->copy, k->binary, k->exec_root, k->build, &k->child));
    k->state = KEEPER_CONNECTING;
    k->deadline_ns = clock_boot_ns() + OPEN_MS * NS_PER_MS;
    return NULL;
}

/* Connects if anybody is there. */
static bool try_connect(struct keeper_conn *k)
{
    k->sock = keeper_connect(k->exec_root);
    if (k->sock < 0)
        return false;
    if (keeper_greet(k))
        return true;
    close(steal_fd(&k->sock));
    return false;
}

/* The next move towards READY, on the loop. Failures are tried again: a start that
 * waits for the keeper has its own deadline. */
static void advance(struct keeper_conn *k)
{
    struct err *e = NULL;

    keeper_conn_check(k);
    if (k->state == KEEPER_DYING) {
        await_death(k);
        return;
    }
    if (k->state == KEEPER_GREETING) { /* it did not answer in time */
        disconnect(k);
        k->state = KEEPER_DOWN;
    }
    if (k->state == KEEPER_CONNECTING && clock_boot_ns() > k->deadline_ns) {
        log_error("the keeper that was started does not answer: starting another");
        keeper_forget_binary(k);
        k->state = KEEPER_DOWN;
    }
    if (k->state != KEEPER_READY && try_connect(k)) {
        k->watch = watch_open(k->loop, k->sock, UV_READABLE, on_socket, k);
        wait_ms(k, OPEN_MS);
        return;
    }
    if (k->state == KEEPER_DOWN)
        e = start(k);
    wait_ms(k, e ? START_AGAIN_MS : CONNECT_AGAIN_MS);
    if (e)
        log_debug("keeper not started", KV("error", err_text(e)));
    err_drop(e);
}

/* ---- start-up, blocking ---- */

static struct err *silent(const struct keeper_conn *k)
{
    struct ucred keeper = {0};
    socklen_t size = sizeof(keeper);

    getsockopt(k->sock, SOL_SOCKET, SO_PEERCRED, &keeper, &size);
    return err_new(ERR_TIMEOUT,
                   "the keeper of %s (pid %d) has not answered for %d seconds: see whether it is "
                   "stopped (kill -CONT %d), then start the engine again; its containers run on",
                   k->exec_root, (int)keeper.pid, OPEN_MS / 1000, (int)keeper.pid);
}

/* A keeper serves one engine at a time and hangs up on a second one. */
static struct err *refused(const struct keeper_conn *k)
{
    return err_new(ERR_CONFLICT, "another engine is connected to the keeper of %s", k->exec_root);
}

struct err *keeper_await_ready(struct keeper_conn *k)
{
    bool is_lost = false;

    while (k->state == KEEPER_GREETING) {
        struct pollfd p = {.fd = k->sock, .events = POLLIN};
        int64_t left = (k->deadline_ns - clock_boot_ns()) / NS_PER_MS;

        if (left <= 0)
            return silent(k);
        if (poll(&p, 1, (int)left) > 0)
            keeper_receive_one(k, &is_lost);
        if (is_lost)
            return refused(k);
    }
    return NULL;
}

/* Start-up: blocking, and with a message for whoever starts the engine by hand. */
static struct err *open_now(struct keeper_conn *k)
{
    k->deadline_ns = clock_boot_ns() + OPEN_MS * NS_PER_MS;
    if (!try_connect(k)) {
        TRY(start(k));
        while (!try_connect(k)) {
            int status;

            if (waitpid(k->child, &status, WNOHANG) == k->child) {
                k->child = 0;
                return err_new(ERR_INTERNAL, "%s ended at its start (status %d)", k->binary,
                               status);
            }
            if (clock_boot_ns() > k->deadline_ns)
                return err_new(ERR_TIMEOUT, "the keeper of %s does not answer", k->exec_root);
            poll(NULL, 0, CONNECT_AGAIN_MS);
        }
    }
    TRY(keeper_await_ready(k));
    return k->is_strange ? keeper_upgrade_stranger(k) : NULL;
}

struct err *keeper_open(struct loop *l, const char *exec_root, const char *binary,
                        const struct keeper_hooks *hooks, void *ctx, keeper_adopt_fn adopt,
                        struct keeper_conn **out)
{
    struct keeper_conn *k = mem_new(struct keeper_conn);
    struct err *e;

    ASSERT_LOOP();
    k->magic = KEEPER_CONN_MAGIC;
    k->loop = l;
    k->exec_root = mem_strdup(exec_root);
    k->binary = mem_strdup(binary);
    k->hooks = hooks;
    k->ctx = ctx;
    k->adopt = adopt;
    k->sock = -1;
    k->copy = -1;
    k->pidfd = -1;
    list_init(&k->queued);
    list_init(&k->sent);
    /* containers of a keeper that is killed become our children: their codes stay known */
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    e = open_now(k);
    if (e) {
        keeper_close(k);
        return e;
    }
    ASSERT(k->state == KEEPER_READY);
    k->watch = watch_open(l, k->sock, UV_READABLE, on_socket, k);
    keeper_conn_check(k);
    keeper_upgrade(k);
    *out = k;
    return NULL;
}

void keeper_close(struct keeper_conn *k)
{
    if (!k)
        return;
    ASSERT(k->magic == KEEPER_CONN_MAGIC);
    disconnect(k);
    timer_clear(k->loop, &k->timer);
    k->state = KEEPER_DOWN;
    while (!list_is_empty(&k->sent))
        keeper_request_fail(list_first(&k->sent, struct keeper_request, link),
                            err_new(ERR_UNAVAILABLE, "the engine is stopping"));
    while (!list_is_empty(&k->queued))
        keeper_request_fail(list_first(&k->queued, struct keeper_request, link),
                            err_new(ERR_UNAVAILABLE, "the engine is stopping"));
    if (k->copy >= 0)
        close(k->copy);
    if (k->pidfd >= 0)
        close(k->pidfd);
    free(k->exec_root);
    free(k->binary);
    k->magic = 0;
    free(k);
}

/* 0 while no keeper is connected. */
int keeper_pid(const struct keeper_conn *k)
{
    return k->state == KEEPER_READY ? k->pid : 0;
}
