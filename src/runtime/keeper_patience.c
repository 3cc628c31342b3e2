/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A keeper that says nothing: it is stopped, or it hangs. While anything waits for it, it is asked
 * now and then for an answer that it can always give; after a long silence all starts that wait are
 * refused, and new ones at once until it is heard again. Loop thread.
 *
 * Trap: what was sent is with the keeper, and it will do it when it goes on. So a start that is
 * given up is cancelled behind itself, and if it runs all the same its process is killed here; its
 * request stays for that answer, without its caller.
 */
#include "keeper_conn_inner.h"

#include "base/clock.h"
#include "base/log.h"

#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LOOK_MS 2000
#define SILENCE_MS 10000

static struct err *silence(const struct keeper_conn *k)
{
    return err_new(ERR_UNAVAILABLE,
                   "the keeper (pid %d), which starts all processes, has not answered for %d "
                   "seconds: see whether it is stopped (kill -CONT %d) or the host is out of "
                   "memory, then try again",
                   (int)k->pid, SILENCE_MS / 1000, (int)k->pid);
}

static void on_ping_answered(void *ctx)
{
    struct keeper_conn *k = ctx;

    k->is_pinged = false;
}

/* Closing what it does not have: answered at once, and it changes nothing. */
static void ping(struct keeper_conn *k)
{
    if (k->is_pinged || k->state != KEEPER_READY)
        return;
    k->is_pinged = true;
    keeper_close_hold(k, "ping", 0, ROLE_SOCKET, on_ping_answered, k);
}

static void end_abandoned(void *ctx, struct err *err, int pid, int pidfd)
{
    (void)ctx;
    (void)pid;
    err_drop(err);
    if (pidfd < 0)
        return;
    syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
    close(pidfd);
}

static void abandon(struct keeper_conn *k, struct keeper_request *r)
{
    keeper_spawned_fn spawned = r->spawned;
    void *ctx = r->ctx;

    keeper_spawn_cancel(k, r->message.head.tag); /* it is sent: r stays */
    r->spawned = end_abandoned;
    r->ctx = NULL;
    spawned(ctx, silence(k), 0, -1);
}

/* A callback may change the lists: each round looks anew. */
static struct keeper_request *find_waiting(struct list *l)
{
    list_each (r, l, struct keeper_request, link)
        if (r->spawned && r->spawned != end_abandoned)
            return r;
    return NULL;
}

static void give_up(struct keeper_conn *k)
{
    struct keeper_request *r;

    if (!k->is_silent)
        log_error("the keeper does not answer: starts are refused until it does",
                  KV_INT("pid", k->pid), KV_INT("seconds", SILENCE_MS / 1000));
    k->is_silent = true;
    while ((r = find_waiting(&k->queued)))
        keeper_request_fail(r, silence(k));
    while ((r = find_waiting(&k->sent)))
        abandon(k, r);
}

static void on_look(struct timer *t)
{
    struct keeper_conn *k = container_of(t, struct keeper_conn, patience);

    if (list_is_empty(&k->sent) && list_is_empty(&k->queued))
        return;
    timer_set(k->loop, &k->patience, LOOK_MS, on_look);
    if (clock_boot_ns() - k->heard_ns > SILENCE_MS * NS_PER_MS)
        give_up(k);
    else
        ping(k);
}

void keeper_patience_begin(struct keeper_conn *k)
{
    if (k->patience.due_ns)
        return;
    if (!k->is_silent)
        k->heard_ns = clock_boot_ns();
    timer_set(k->loop, &k->patience, LOOK_MS, on_look);
}

void keeper_patience_heard(struct keeper_conn *k)
{
    k->heard_ns = clock_boot_ns();
    if (k->is_silent)
        log_info("the keeper answers again", KV_INT("pid", k->pid));
    k->is_silent = false;
}

void keeper_patience_end(struct keeper_conn *k)
{
    timer_clear(k->loop, &k->patience);
    k->is_pinged = k->is_silent = false;
}

bool keeper_patience_refuses(struct keeper_conn *k, struct keeper_request *r)
{
    if (!k->is_silent || !r->spawned)
        return false;
    keeper_request_fail(r, silence(k));
    return true;
}
