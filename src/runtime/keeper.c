/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine's end of the connection to the keeper: requests out in order, answers
 * matched by tag, exits passed on; a keeper that was killed is replaced. Loop thread;
 * keeper_open blocks and belongs to start-up.
 *
 * One state machine serves both: keeper_open turns it with poll(2), later the loop
 * does. Callbacks may call back into this file, so a request leaves its list before
 * its callback runs. Only a request that was sent dies with its keeper; what still
 * waits to be sent goes to the next one.
 */
#include "runtime/keeper.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "wire/landing.h"

#include "failure.h"
#include "keeper_process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define OPEN_MS 5000 /* from start to ready */
#define CONNECT_AGAIN_MS 3
#define SEND_AGAIN_MS 5 /* ETOOMANYREFS: too many fds in flight, the socket says writable */
#define START_AGAIN_MS 1000
#define RECEIVE_BATCH 64
#define MESSAGE_FDS_MAX LAND_FDS

#define DYING_MS 2000
#define DYING_AGAIN_MS 2

enum state { KEEPER_DOWN, KEEPER_CONNECTING, KEEPER_GREETING, KEEPER_READY, KEEPER_DYING };

union message {
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

struct request {
    struct list link; /* of `queued` until it is sent, then of `sent` if it is answered */
    union message message;
    bool is_answered;
    struct launch *launch; /* KM_SPAWN */
    keeper_spawned_fn spawned;
    void (*closed)(void *ctx); /* KM_CLOSE */
    void *ctx;
    int fds[MESSAGE_FDS_MAX]; /* KM_HOLD, KM_ADOPT, KM_UPGRADE: our own duplicates */
    size_t n_fds;
    const int *land; /* KM_LAND */
};

struct keeper {
    struct loop *loop;
    char *exec_root, *binary;
    const struct keeper_hooks *hooks;
    keeper_adopt_fn adopt;
    void *ctx;
    enum state state;
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
};

static void advance(struct keeper *k);
static void on_socket(void *arg, int events);

/* ---- requests ---- */

static struct request *request_create(struct keeper *k, enum keeper_msg type, size_t size)
{
    struct request *r = mem_new(struct request);

    r->message.head =
        (struct keeper_head){.type = type, .size = (uint32_t)size, .tag = ++k->last_tag};
    return r;
}

static void request_destroy(struct request *r)
{
    list_remove(&r->link);
    for (size_t i = 0; i < r->n_fds; i++)
        close(r->fds[i]);
    free(r);
}

/* Takes e. */
static void request_fail(struct request *r, struct err *e)
{
    keeper_spawned_fn spawned = r->spawned;
    void (*closed)(void *) = r->closed;
    void *ctx = r->ctx;

    request_destroy(r);
    if (spawned)
        spawned(ctx, e, 0, -1);
    else
        err_drop(e);
    if (closed)
        closed(ctx);
}

static void close_program(struct launch *l)
{
    if (l->program_fd >= 0)
        close(steal_fd(&l->program_fd));
    for (size_t i = 0; i < l->n_fds; i++)
        if (l->fds[i] >= 0)
            close(steal_fd(&l->fds[i]));
    l->n_fds = 0;
}

static ssize_t send_request(struct keeper *k, const struct request *r)
{
    const struct launch *l = r->launch;
    int fds[1 + PROGRAM_FDS_MAX + KEEPER_HOLDS_MAX];
    size_t n = 0;

    if (r->land)
        return fd_send_msg(k->sock, &r->message, r->message.head.size, r->land, LAND_FDS);
    if (!l)
        return fd_send_msg(k->sock, &r->message, r->message.head.size, r->fds, r->n_fds);
    fds[n++] = l->program_fd;
    for (size_t i = 0; i < l->n_fds; i++)
        fds[n++] = l->fds[i];
    for (size_t i = 0; i < l->n_holds; i++)
        fds[n++] = l->holds[i];
    return fd_send_msg(k->sock, &r->message, r->message.head.size, fds, n);
}

static void after_send(struct keeper *k, struct request *r)
{
    if (r->launch)
        close_program(r->launch);
    r->launch = NULL;
    list_remove(&r->link);
    if (r->is_answered)
        list_append(&k->sent, &r->link);
    else
        request_destroy(r);
}

static void on_sending_timer(struct timer *t);

static void flush(struct keeper *k)
{
    while (k->state == KEEPER_READY && !list_is_empty(&k->queued)) {
        struct request *r = list_first(&k->queued, struct request, link);

        if (send_request(k, r) >= 0) {
            after_send(k, r);
            continue;
        }
        if (errno == EAGAIN) {
            watch_set(k->watch, UV_READABLE | UV_WRITABLE);
            return;
        }
        if (errno == ETOOMANYREFS) {
            timer_set(k->loop, &k->sending, SEND_AGAIN_MS, on_sending_timer);
            return;
        }
        if (errno == EPIPE || errno == ECONNRESET)
            return; /* the end of file is on its way */
        request_fail(r, err_sys("send a request to the keeper"));
    }
    if (k->watch)
        watch_set(k->watch, UV_READABLE);
}

static void on_sending_timer(struct timer *t)
{
    flush(container_of(t, struct keeper, sending));
}

static void submit(struct keeper *k, struct request *r)
{
    bool is_first = list_is_empty(&k->queued);

    ASSERT_LOOP();
    list_append(&k->queued, &r->link);
    if (is_first)
        flush(k);
}

/* ---- answers ---- */

static struct request *find_sent(struct keeper *k, uint64_t tag)
{
    list_each (r, &k->sent, struct request, link)
        if (r->message.head.tag == tag)
            return r;
    return NULL;
}

static void on_spawned(struct keeper *k, const struct keeper_entry *e, int *fds)
{
    struct request *r = find_sent(k, e->head.tag);
    keeper_spawned_fn spawned = r ? r->spawned : NULL;
    void *ctx = r ? r->ctx : NULL;

    if (!spawned)
        return;
    request_destroy(r);
    spawned(ctx, NULL, e->pid, steal_fd(&fds[0]));
}

static void on_failed(struct keeper *k, const struct keeper_failed *f)
{
    struct request *r = find_sent(k, f->head.tag);

    if (r && r->spawned)
        request_fail(r, failure_explain(f));
}

static void on_closed(struct keeper *k, const struct keeper_ref *ref)
{
    struct request *r = find_sent(k, ref->head.tag);
    void (*closed)(void *) = r ? r->closed : NULL;
    void *ctx = r ? r->ctx : NULL;

    if (!r)
        return;
    request_destroy(r);
    if (closed)
        closed(ctx);
}

static void on_welcome(struct keeper *k, const struct keeper_welcome *w)
{
    k->pid = (pid_t)w->pid;
    k->version = w->version;
    k->is_strange = w->version != KEEPER_VERSION;
    snprintf(k->their_build, sizeof(k->their_build), "%.*s", (int)sizeof(w->build) - 1, w->build);
    if (k->pidfd >= 0)
        close(k->pidfd);
    k->pidfd = (int)syscall(SYS_pidfd_open, k->pid, 0);
}

/* Entries give their fds to the callee. */
static void on_entry(struct keeper *k, const struct keeper_entry *e, int *fds, size_t *n_fds)
{
    int all[1 + KEEPER_HOLDS_MAX];
    size_t given = 0;

    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        all[i] = -1;
    /* a keeper sends no pidfd for sockets */
    for (size_t i = *n_fds > e->n_holds ? 0 : 1; i < ARRAY_LEN(all) && given < *n_fds; i++)
        all[i] = fds[given++];
    *n_fds = 0;
    k->adopt(k->ctx, e, all);
}

static void send_landing(struct keeper *k)
{
    struct request *r = request_create(k, KM_LAND, sizeof(struct keeper_head));

    r->land = k->landing;
    k->has_landing = true;
    list_prepend(&k->queued, &r->link); /* before any spawn; the caller flushes */
}

/* After a mere loss of the connection we have it already. */
static void on_land(struct keeper *k, int *fds, size_t *n_fds)
{
    k->has_landing = true;
    if (k->landing || *n_fds != LAND_FDS || !k->hooks->land)
        return;
    *n_fds = 0;
    k->hooks->land(k->ctx, fds);
}

/* The file is looked at again before the next start. */
static void forget_binary(struct keeper *k)
{
    if (k->copy >= 0)
        close(steal_fd(&k->copy));
    k->build[0] = 0;
}

/* The end of an upgrade, for better or worse: nothing depends on it but the log. */
static void on_upgraded(struct keeper *k, const struct keeper_upgraded *m)
{
    struct request *r = find_sent(k, m->head.tag);

    k->is_strange = m->version != KEEPER_VERSION;
    k->version = m->version;
    if (m->sys || m->detail[0]) {
        log_warn("the keeper could not be upgraded and goes on as it is", KV("why", m->detail),
                 KV("error", strerror(m->sys)), KV("build", k->their_build));
        forget_binary(k); /* nor shall a keeper be started from it */
    } else {
        log_info("the keeper was upgraded in place", KV("from", k->their_build), KV("to", m->build),
                 KV_INT("pid", k->pid));
        snprintf(k->their_build, sizeof(k->their_build), "%.*s", (int)sizeof(m->build) - 1,
                 m->build);
    }
    if (r)
        request_destroy(r);
}

static bool is_whole(const union message *m, ssize_t n)
{
    static const size_t sizes[] = {
        [KM_LAND] = sizeof(struct keeper_head),
        [KM_WELCOME] = sizeof(struct keeper_welcome),
        [KM_ENTRY] = sizeof(struct keeper_entry),
        [KM_ENTRIES_END] = sizeof(struct keeper_head),
        [KM_SPAWNED] = sizeof(struct keeper_entry),
        [KM_SPAWN_FAILED] = sizeof(struct keeper_failed),
        [KM_EXITED] = sizeof(struct keeper_entry),
        [KM_CLOSED] = sizeof(struct keeper_ref),
        [KM_HELD] = sizeof(struct keeper_ref),
        [KM_UPGRADED] = sizeof(struct keeper_upgraded),
    };

    return n >= (ssize_t)sizeof(m->head) && m->head.size == (size_t)n &&
           m->head.type < ARRAY_LEN(sizes) && sizes[m->head.type] == (size_t)n;
}

static void dispatch(struct keeper *k, union message *m, int *fds, size_t *n_fds)
{
    switch ((enum keeper_msg)m->head.type) {
    case KM_WELCOME:
        on_welcome(k, &m->welcome);
        break;
    case KM_LAND:
        on_land(k, fds, n_fds);
        break;
    case KM_ENTRY:
        on_entry(k, &m->entry, fds, n_fds);
        break;
    case KM_ENTRIES_END:
        k->state = KEEPER_READY;
        timer_clear(k->loop, &k->timer);
        if (k->landing && !k->has_landing)
            send_landing(k);
        break;
    case KM_SPAWNED:
        on_spawned(k, &m->entry, fds);
        break;
    case KM_SPAWN_FAILED:
        on_failed(k, &m->failed);
        break;
    case KM_EXITED:
        k->hooks->exited(k->ctx, &m->entry);
        break;
    case KM_CLOSED:
    case KM_HELD:
        on_closed(k, &m->ref);
        break;
    case KM_UPGRADED:
        on_upgraded(k, &m->upgraded);
        break;
    default:
        break;
    }
}

/* What never changes from version to version. */
static bool is_known_to_all(const union message *m)
{
    return m->head.type == KM_WELCOME || m->head.type == KM_ENTRIES_END ||
           m->head.type == KM_UPGRADED;
}

/* One message; false when there is none (*is_lost: and never will be). */
static bool receive_one(struct keeper *k, bool *is_lost)
{
    union message m;
    int fds[MESSAGE_FDS_MAX];
    size_t n_fds = ARRAY_LEN(fds);
    ssize_t n = fd_recv_msg(k->sock, &m, sizeof(m), fds, &n_fds);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (n > 0 && k->is_strange && !is_known_to_all(&m))
        m.head.type = 0; /* dropped below */
    else if (n <= 0 || !is_whole(&m, n)) {
        for (size_t i = 0; n > 0 && i < n_fds; i++)
            close(fds[i]);
        *is_lost = true;
        return false;
    }
    dispatch(k, &m, fds, &n_fds);
    for (size_t i = 0; i < n_fds; i++)
        if (fds[i] >= 0)
            close(fds[i]);
    return true;
}

/* ---- the life of the connection ---- */

static void disconnect(struct keeper *k)
{
    watch_close(k->watch);
    k->watch = NULL;
    if (k->sock >= 0)
        close(steal_fd(&k->sock));
    timer_clear(k->loop, &k->sending);
}

static void reap_child(struct keeper *k)
{
    if (k->child && waitpid(k->child, NULL, WNOHANG) != 0)
        k->child = 0;
}

/* What is meant for this keeper only: it dies with it. Spawns that were not sent stay. */
static void fail_bound(struct keeper *k)
{
    struct list failing;

    list_init(&failing);
    list_each (r, &k->sent, struct request, link) {
        list_remove(&r->link);
        list_append(&failing, &r->link);
    }
    list_each (r, &k->queued, struct request, link)
        if (!r->spawned) {
            list_remove(&r->link);
            list_append(&failing, &r->link);
        }
    while (!list_is_empty(&failing))
        request_fail(list_first(&failing, struct request, link),
                     err_new(ERR_UNAVAILABLE, "the keeper was killed: the container was not "
                                              "started, try again"));
}

static void on_timer(struct timer *t)
{
    advance(container_of(t, struct keeper, timer));
}

static void wait_ms(struct keeper *k, int64_t ms)
{
    timer_set(k->loop, &k->timer, ms, on_timer);
}

static void lose(struct keeper *k)
{
    bool was_ready = k->state == KEEPER_READY;

    disconnect(k);
    k->state = was_ready ? KEEPER_DYING : KEEPER_DOWN;
    k->deadline_ns = clock_boot_ns() + DYING_MS * NS_PER_MS;
    if (was_ready)
        fail_bound(k);
    wait_ms(k, was_ready ? 0 : START_AGAIN_MS);
}

/* The end of file comes before the keeper's children become ours (its mount namespace
 * is taken down in between): `lost` is told when they can be waited for. A keeper that
 * lives on has only closed the connection; its entries will be told again. */
static void await_death(struct keeper *k)
{
    struct pollfd p = {.fd = k->pidfd, .events = POLLIN};
    bool is_dead = k->pidfd < 0 || poll(&p, 1, 0) > 0;

    if (!is_dead && clock_boot_ns() < k->deadline_ns) {
        wait_ms(k, DYING_AGAIN_MS);
        return;
    }
    k->state = KEEPER_DOWN;
    wait_ms(k, 0);
    if (is_dead)
        k->hooks->lost(k->ctx);
}

static void receive(struct keeper *k)
{
    bool is_lost = false;

    for (int i = 0; i < RECEIVE_BATCH && receive_one(k, &is_lost); i++)
        ;
    if (is_lost)
        lose(k);
    else
        flush(k);
}

static void on_socket(void *arg, int events)
{
    struct keeper *k = arg;

    if (events & (UV_READABLE | UV_DISCONNECT))
        receive(k);
    else
        flush(k);
}

static bool greet(struct keeper *k)
{
    struct keeper_hello hello = {
        .head = {.type = KM_HELLO, .size = sizeof(hello), .tag = ++k->last_tag},
        .version = KEEPER_VERSION,
        .pid = (uint32_t)getpid(),
        .build = BERTH_VERSION,
    };

    if (fd_send_msg(k->sock, &hello, sizeof(hello), NULL, 0) < 0)
        return false;
    k->state = KEEPER_GREETING;
    k->has_landing = false;
    return true;
}

static struct err *look_at_binary(struct keeper *k)
{
    return k->build[0] ? NULL : keeper_binary_copy(k->binary, &k->copy, k->build);
}

static struct err *start(struct keeper *k)
{
    reap_child(k);
    TRY(look_at_binary(k));
    TRY(keeper_process_start(k->copy, k->binary, k->exec_root, k->build, &k->child));
    k->state = KEEPER_CONNECTING;
    k->deadline_ns = clock_boot_ns() + OPEN_MS * NS_PER_MS;
    return NULL;
}

/* Connects if anybody is there. */
static bool try_connect(struct keeper *k)
{
    k->sock = keeper_connect(k->exec_root);
    if (k->sock < 0)
        return false;
    if (greet(k))
        return true;
    close(steal_fd(&k->sock));
    return false;
}

/* The next move towards READY, on the loop. Failures are tried again: a start that
 * waits for the keeper has its own deadline. */
static void advance(struct keeper *k)
{
    struct err *e = NULL;

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
        forget_binary(k);
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

static struct err *refused(const struct keeper *k)
{
    return err_new(ERR_CONFLICT, "another engine is connected to the keeper of %s", k->exec_root);
}

static struct err *await_ready(struct keeper *k)
{
    bool is_lost = false;

    while (k->state == KEEPER_GREETING) {
        struct pollfd p = {.fd = k->sock, .events = POLLIN};
        int64_t left = (k->deadline_ns - clock_boot_ns()) / NS_PER_MS;

        if (left <= 0)
            return refused(k);
        if (poll(&p, 1, (int)left) > 0)
            receive_one(k, &is_lost);
        if (is_lost)
            return refused(k);
    }
    return NULL;
}

/* The request that makes the keeper our build. NULL in *out: it is already. */
static struct err *upgrade_request(struct keeper *k, struct request **out)
{
    struct request *r;
    int fd = -1;

    *out = NULL;
    TRY(look_at_binary(k));
    if (strcmp(k->build, k->their_build) == 0)
        return NULL;
    if (k->copy < 0)
        TRY(keeper_binary_bind(k->binary, &fd));
    else
        fd = fcntl(k->copy, F_DUPFD_CLOEXEC, 3);
    if (fd < 0)
        return err_sys("upgrade the keeper");
    r = request_create(k, KM_UPGRADE, sizeof(struct keeper_upgrade));
    snprintf(r->message.upgrade.build, sizeof(r->message.upgrade.build), "%s", k->build);
    r->is_answered = true;
    r->fds[r->n_fds++] = fd;
    *out = r;
    return NULL;
}

/* It goes on serving meanwhile, and whether it works or not nothing here depends on it. */
static void upgrade(struct keeper *k)
{
    struct request *r = NULL;
    struct err *e = upgrade_request(k, &r);

    if (r) {
        log_info("the keeper is of another build: upgrading it", KV("from", k->their_build),
                 KV("to", k->build));
        submit(k, r);
    } else if (!e && k->copy >= 0 && !k->child) { /* started by an earlier engine: not needed */
        forget_binary(k);
    }
    if (e)
        log_warn("the keeper cannot be compared with its binary", KV("error", err_text(e)));
    err_drop(e);
}

/* It must become ours before a word can be exchanged; then it is greeted as if for the first
 * time. */
static struct err *upgrade_stranger(struct keeper *k)
{
    uint32_t version = k->version;
    struct request *r = NULL;
    bool is_lost = false;

    TRY(upgrade_request(k, &r));
    if (r && send_request(k, r) >= 0)
        while (k->is_strange && !is_lost && clock_boot_ns() < k->deadline_ns) {
            struct pollfd p = {.fd = k->sock, .events = POLLIN};

            if (poll(&p, 1, OPEN_MS) > 0)
                receive_one(k, &is_lost);
        }
    if (r)
        request_destroy(r);
    if (k->is_strange || is_lost || !greet(k))
        return err_new(ERR_CONFLICT,
                       "the running keeper speaks version %u, this engine %u, and it could not be "
                       "upgraded: start the engine it belongs to, or stop its containers first",
                       version, KEEPER_VERSION);
    return await_ready(k);
}

static struct err *open_now(struct keeper *k)
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
    TRY(await_ready(k));
    return k->is_strange ? upgrade_stranger(k) : NULL;
}

struct err *keeper_open(struct loop *l, const char *exec_root, const char *binary,
                        const struct keeper_hooks *hooks, void *ctx, keeper_adopt_fn adopt,
                        struct keeper **out)
{
    struct keeper *k = mem_new(struct keeper);
    struct err *e;

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
    k->watch = watch_open(l, k->sock, UV_READABLE, on_socket, k);
    upgrade(k);
    *out = k;
    return NULL;
}

void keeper_close(struct keeper *k)
{
    if (!k)
        return;
    disconnect(k);
    timer_clear(k->loop, &k->timer);
    k->state = KEEPER_DOWN;
    while (!list_is_empty(&k->sent))
        request_fail(list_first(&k->sent, struct request, link),
                     err_new(ERR_UNAVAILABLE, "the engine is stopping"));
    while (!list_is_empty(&k->queued))
        request_fail(list_first(&k->queued, struct request, link),
                     err_new(ERR_UNAVAILABLE, "the engine is stopping"));
    if (k->copy >= 0)
        close(k->copy);
    if (k->pidfd >= 0)
        close(k->pidfd);
    free(k->exec_root);
    free(k->binary);
    free(k);
}

void keeper_look_at_binary(struct keeper *k)
{
    ASSERT_LOOP();
    forget_binary(k);
    if (k->state == KEEPER_READY)
        upgrade(k);
}

int keeper_pid(const struct keeper *k)
{
    return k->state == KEEPER_READY ? k->pid : 0;
}

/* ---- requests of others ---- */

void keeper_spawn(struct keeper *k, struct launch *l, keeper_spawned_fn done, void *ctx)
{
    struct request *r = request_create(k, KM_SPAWN, sizeof(struct keeper_spawn));
    struct keeper_spawn *m = &r->message.spawn;

    m->clone_flags = l->clone_flags;
    m->cgroup_fd = l->cgroup_at;
    m->flags = l->flags;
    m->n_fds = (uint32_t)l->n_fds;
    m->n_holds = (uint32_t)l->n_holds;
    memcpy(m->roles, l->roles, sizeof(m->roles));
    memcpy(m->id, l->id, sizeof(m->id));
    r->launch = l;
    r->is_answered = true;
    r->spawned = done;
    r->ctx = ctx;
    submit(k, r);
}

static struct request *ref_request(struct keeper *k, enum keeper_msg type, const char *id, int pid,
                                   enum keeper_role role)
{
    struct request *r = request_create(k, type, sizeof(struct keeper_ref));

    ASSERT(strlen(id) < sizeof(r->message.ref.id));
    r->message.ref.pid = pid;
    r->message.ref.role = role;
    snprintf(r->message.ref.id, sizeof(r->message.ref.id), "%s", id);
    return r;
}

void keeper_ack(struct keeper *k, const char *id, int pid)
{
    submit(k, ref_request(k, KM_ACK, id, pid, ROLE_NONE));
}

void keeper_close_hold(struct keeper *k, const char *id, int pid, enum keeper_role role,
                       void (*done)(void *ctx), void *ctx)
{
    struct request *r = ref_request(k, KM_CLOSE, id, pid, role);

    r->is_answered = true;
    r->closed = done;
    r->ctx = ctx;
    submit(k, r);
}

void keeper_hold(struct keeper *k, const char *key, const int *fds, size_t n,
                 void (*done)(void *ctx), void *ctx)
{
    struct request *r = ref_request(k, KM_HOLD, key, 0, ROLE_SOCKET);

    ASSERT(n <= KEEPER_HOLDS_MAX);
    r->is_answered = true;
    r->closed = done;
    r->ctx = ctx;
    for (size_t i = 0; i < n; i++) {
        int fd = fcntl(fds[i], F_DUPFD_CLOEXEC, 3);

        if (fd >= 0)
            r->fds[r->n_fds++] = fd;
    }
    if (!r->n_fds) { /* no descriptors left: nothing to hold, but the caller wants an answer */
        log_warn("sockets are not handed to the keeper", KV("key", key),
                 KV("error", strerror(errno)));
        request_destroy(r);
        r = ref_request(k, KM_CLOSE, "nothing", 0, ROLE_SOCKET);
        r->is_answered = true;
        r->closed = done;
        r->ctx = ctx;
    }
    submit(k, r);
}

void keeper_note_attached(struct keeper *k, const char *id, int pid)
{
    submit(k, ref_request(k, KM_ATTACHED, id, pid, ROLE_NONE));
}

void keeper_share_landing(struct keeper *k, const int *fds, bool has_it)
{
    k->landing = fds;
    if (has_it)
        return;
    send_landing(k);
    flush(k);
}

void keeper_unhold(struct keeper *k, const char *key)
{
    submit(k, ref_request(k, KM_UNHOLD, key, 0, ROLE_SOCKET));
}

void keeper_adopt(struct keeper *k, const struct keeper_entry *e, const int *fds)
{
    struct request *r = request_create(k, KM_ADOPT, sizeof(struct keeper_entry));
    struct keeper_head head = r->message.head;

    ASSERT(e->n_holds <= KEEPER_HOLDS_MAX);
    r->message.entry = *e;
    r->message.entry.head = head;
    r->message.entry.state = KEEPER_FOREIGN;
    for (size_t i = 0; i < 1 + e->n_holds; i++) {
        int fd = fcntl(fds[i], F_DUPFD_CLOEXEC, 3);

        if (fd >= 0)
            r->fds[r->n_fds++] = fd;
    }
    if (r->n_fds == 1 + e->n_holds) {
        submit(k, r);
        return;
    }
    log_warn("a process is not handed to the new keeper", KV("id", e->id),
             KV("error", strerror(errno)));
    request_destroy(r);
}
