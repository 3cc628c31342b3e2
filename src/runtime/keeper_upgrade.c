/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A keeper of another build than the binary that lies there becomes one of that build, in place.
 * Trap: one that speaks another version understands nothing else until then. Loop thread, and
 * start-up.
 */
#include "keeper_conn_inner.h"

#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The file may be another one by the next start, so its copy and its name go together. */
void keeper_forget_binary(struct keeper_conn *k)
{
    if (k->copy >= 0)
        close(steal_fd(&k->copy));
    k->build[0] = 0;
}

struct err *keeper_know_binary(struct keeper_conn *k)
{
    return k->build[0] ? NULL : keeper_binary_copy(k->binary, &k->copy, k->build);
}

/* The request that makes the keeper our build. NULL in *out: it is already. */
static struct err *upgrade_request(struct keeper_conn *k, struct keeper_request **out)
{
    struct keeper_request *r;
    int fd = -1;

    ASSERT(k->sock >= 0);
    *out = NULL;
    TRY(keeper_know_binary(k));
    if (strcmp(k->build, k->their_build) == 0)
        return NULL;
    if (k->copy < 0)
        TRY(keeper_binary_bind(k->binary, &fd));
    else
        fd = fcntl(k->copy, F_DUPFD_CLOEXEC, 3);
    if (fd < 0)
        return err_sys("upgrade the keeper");
    r = keeper_request_create(k, KM_UPGRADE, sizeof(struct keeper_upgrade));
    snprintf(r->message.upgrade.build, sizeof(r->message.upgrade.build), "%s", k->build);
    r->is_answered = true;
    ASSERT(!r->n_fds);
    r->fds[r->n_fds++] = fd;
    *out = r;
    return NULL;
}

void keeper_upgrade(struct keeper_conn *k)
{
    struct keeper_request *r = NULL;
    struct err *e = upgrade_request(k, &r);

    if (r) {
        log_info("the keeper is of another build: upgrading it", KV("from", k->their_build),
                 KV("to", k->build));
        keeper_request_submit(k, r);
    } else if (!e && k->copy >= 0 && !k->child) { /* started by an earlier engine: not needed */
        keeper_forget_binary(k);
    }
    if (e)
        log_warn("the keeper cannot be compared with its binary", KV("error", err_text(e)));
    err_drop(e);
}

/* Blocking, at start-up: nothing else can be said to a keeper whose messages have another form. */
struct err *keeper_upgrade_stranger(struct keeper_conn *k)
{
    uint32_t version = k->version;
    struct keeper_request *r = NULL;
    bool is_lost = false;

    TRY(upgrade_request(k, &r));
    if (r && keeper_request_send(k, r) >= 0)
        while (k->is_strange && !is_lost && clock_boot_ns() < k->deadline_ns) {
            struct pollfd p = {.fd = k->sock, .events = POLLIN};

            if (poll(&p, 1, OPEN_MS) > 0)
                keeper_receive_one(k, &is_lost);
        }
    if (r)
        keeper_request_destroy(r);
    if (k->is_strange || is_lost || !keeper_greet(k))
        return err_new(ERR_CONFLICT,
                       "the running keeper speaks version %u, this engine %u, and it could not be "
                       "upgraded: start the engine it belongs to, or stop its containers first",
                       version, KEEPER_VERSION);
    return keeper_await_ready(k);
}

void keeper_look_at_binary(struct keeper_conn *k)
{
    ASSERT_LOOP();
    keeper_forget_binary(k);
    if (k->state == KEEPER_READY)
        keeper_upgrade(k);
}
