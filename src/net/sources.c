/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who may send from where (sources.h), kept equal in the kernel. A start or a connect tells the
 * kernel itself, by messages of its own, before the container can send; whatever has left goes a
 * moment later: its port of the bridge is gone, so its element says nothing about anybody. Of the
 * containers that an engine before this one has left, the ports are found by the number that this
 * namespace has for theirs, in the worker that replaces the table.
 *
 * The list is guarded by the lock of struct net, what is done to the kernel by net_lock_kernel.
 */
#include "sources.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/map.h"

#include "inner.h"

#define BATCH_ROOM 16384
#define PATIENCE_S 20

struct listed_source {
    struct list link; /* gone */
    struct source source;
    bool is_sent; /* it may be in the kernel */
};
/* Where in the engine's networks: nobody else's while it is there. */
#define PLACE_MAX 80

struct resumed_source { /* of a container that ran before this engine did */
    struct list link;
    struct endpoint_spec spec;
    char place[PLACE_MAX];
    int netns;
};

struct sources {
    struct net *net;
    struct mnl_socket *sock; /* used with the kernel's lock; NULL: nothing is checked here */
    uint32_t seq;
    struct map *by_place; /* struct listed_source */
    struct list gone;     /* struct listed_source that are to leave the kernel */
    struct list resumed;
    struct map *resuming; /* struct resumed_source, also those that a worker has: whoever leaves
                             meanwhile is taken out, and is not listed any more */
    struct job sweep;
    bool is_sweeping; /* loop */
    char *room;
};

static void place_of(const struct endpoint_spec *e, char out[PLACE_MAX])
{
    char addr6[ADDR6_TEXT] = "";

    if (e->bits6)
        addr6_text(&e->addr6, addr6);
    snprintf(out, PLACE_MAX, "%s %08x %s", e->bridge, e->addr, addr6);
}

static struct source source_of(const struct endpoint_spec *e, const char *port)
{
    struct source s = {.addr = e->addr, .has_v6 = e->bits6 > 0, .addr6 = e->addr6};

    snprintf(s.port, sizeof(s.port), "%s", port);
    memcpy(s.mac, e->mac, sizeof(s.mac));
    s.link_local = link_local_of(e->mac);
    memcpy(s.more, e->more, sizeof(s.more));
    memcpy(s.more6, e->more6, sizeof(s.more6));
    s.n_more = e->n_more;
    s.n_more6 = e->n_more6;
    return s;
}

/* ---- the list ---- */

static void forget_listed(struct sources *s, struct listed_source *l)
{
    if (l && l->is_sent)
        list_append(&s->gone, &l->link);
    else
        free(l);
}

/* With the lock. */
static void enlist_at(struct sources *s, const char *place, const struct endpoint_spec *e,
                      const char *port)
{
    struct listed_source *l = mem_new(struct listed_source);

    l->source = source_of(e, port);
    l->is_sent = true;
    forget_listed(s, map_put(s->by_place, place, l));
}

static void enlist(struct sources *s, const struct endpoint_spec *e, const char *port)
{
    char place[PLACE_MAX];

    place_of(e, place);
    pthread_mutex_lock(&s->net->lock);
    enlist_at(s, place, e, port);
    pthread_mutex_unlock(&s->net->lock);
}

/* port NULL: it was not found. */
static void end_resuming(struct sources *s, const struct resumed_source *r, const char *port)
{
    pthread_mutex_lock(&s->net->lock);
    if (map_get(s->resuming, r->place) == r) {
        map_take(s->resuming, r->place);
        if (port)
            enlist_at(s, r->place, &r->spec, port);
    }
    pthread_mutex_unlock(&s->net->lock);
}

static void drop_gone(struct list *gone)
{
    list_each (l, gone, struct listed_source, link) {
        list_remove(&l->link);
        free(l);
    }
}

/* ---- messages ---- */

static int on_answer(const struct nlmsghdr *m, uint32_t last_seq, bool *out_done)
{
    const struct nlmsgerr *ne = mnl_nlmsg_get_payload(m);

    if (m->nlmsg_type != NLMSG_ERROR || mnl_nlmsg_get_payload_len(m) < sizeof(*ne))
        return 0;
    *out_done |= m->nlmsg_seq == last_seq || ne->error;
    return ne->error;
}

static struct err *await_answer(struct sources *s, uint32_t last_seq)
{
    char room[4096] __attribute__((aligned(8)));
    bool is_done = false;
    int error = 0;
    ssize_t n;

    while (!is_done) {
        n = nl_receive(s->sock, room, sizeof(room), 0);
        if (n < 0)
            return err_sys("wait for nftables");
        int left = (int)n;
        for (const struct nlmsghdr *m = (void *)room; nl_is_whole(m, left);
             m = mnl_nlmsg_next(m, &left)) {
            int e = on_answer(m, last_seq, &is_done);
            error = error ? error : e;
        }
    }
    while (nl_receive(s->sock, room, sizeof(room), MSG_DONTWAIT) > 0)
        ; /* the answers of those behind the one that was refused */
    return error ? err_sysno(-error, "nftables refused the addresses of a container") : NULL;
}

static struct err *send_changes(struct sources *s, const struct source *v, size_t n, bool is_added)
{
    struct source_batch b = {.room = s->room, .size = BATCH_ROOM, .last_seq = s->seq};

    while (n) {
        size_t done = sources_batch(&b, s->net->tag, v, n, is_added);

        s->seq = b.last_seq;
        if (mnl_socket_sendto(s->sock, b.room, b.len) < 0)
            return err_sys("send to nftables");
        TRY(await_answer(s, b.last_seq));
        v += done;
        n -= done;
    }
    return NULL;
}

/* ---- what an engine before has left ---- */

static const struct bridge_port *port_into(const struct bridge_ports *ports, int nsid)
{
    for (size_t i = 0; i < ports->n; i++)
        if (ports->v[i].nsid == nsid)
            return &ports->v[i];
    return NULL;
}

static struct err *find_ports(struct nl *nl, struct arena *a, const char *bridge,
                              struct bridge_ports *out)
{
    int ifindex;

    *out = (struct bridge_ports){.a = a};
    TRY(link_find(nl, bridge, &ifindex));
    return link_list_ports(nl, ifindex, out);
}

static void resume_one(struct sources *s, struct nl *nl, const struct resumed_source *r,
                       const struct bridge_ports *ports)
{
    const struct bridge_port *port = NULL;
    int nsid;
    struct err *e = link_ask_nsid(nl, r->netns, &nsid);

    if (!e)
        port = port_into(ports, nsid);
    err_drop(e);
    end_resuming(s, r, port ? port->name : NULL);
    if (!port)
        log_debug("a container's port of its bridge was not found", KV("bridge", r->spec.bridge));
}

/* Those of one bridge follow one another or not: its ports are listed again when it is another. */
static void resume_all(struct sources *s, struct list *resumed)
{
    autoarena struct arena *a = arena_create();
    struct bridge_ports ports = {.a = a};
    const char *bridge = "";
    struct nl *nl;
    struct err *e = nl_open(&nl);

    if (e) {
        err_drop(e);
        return;
    }
    list_each (r, resumed, struct resumed_source, link) {
        if (strcmp(bridge, r->spec.bridge) != 0)
            err_drop(find_ports(nl, a, r->spec.bridge, &ports));
        bridge = r->spec.bridge;
        resume_one(s, nl, r, &ports);
    }
    nl_close(nl);
}

static void free_resumed(struct sources *s, struct list *resumed)
{
    list_each (r, resumed, struct resumed_source, link) {
        end_resuming(s, r, NULL);
        list_remove(&r->link);
        close(r->netns);
        free(r);
    }
}

static void move_all(struct list *from, struct list *to)
{
    list_init(to);
    while (!list_is_empty(from)) {
        struct list *first = from->next;

        list_remove(first);
        list_append(to, first);
    }
}

void net_source_resume(struct net *n, const struct endpoint_spec *e, int netns)
{
    static const uint8_t none[6];
    struct resumed_source *r;

    ASSERT_LOOP();
    /* A document without a MAC says nothing about what its interface has. */
    if (!n->sources->sock || e->any_source || !e->bridge[0] || !memcmp(e->mac, none, 6)) {
        close(netns);
        return;
    }
    r = mem_new(struct resumed_source);
    r->spec = *e;
    r->netns = netns;
    place_of(e, r->place);
    pthread_mutex_lock(&n->lock);
    map_put(n->sources->resuming, r->place, r);
    list_append(&n->sources->resumed, &r->link);
    n->bridges_version++; /* the table is replaced, and by then it is known */
    pthread_mutex_unlock(&n->lock);
}

/* ---- the table ---- */

/* In the order they came. */
static size_t list_all(struct sources *s, struct arena *a, const struct source ***out)
{
    size_t n = 0, cursor = 0;
    void *value;

    pthread_mutex_lock(&s->net->lock);
    *out = arena_array(a, map_count(s->by_place) + 1, sizeof(**out));
    while (map_next(s->by_place, &cursor, NULL, &value)) {
        struct source *copy = arena_new(a, struct source);

        *copy = ((struct listed_source *)value)->source;
        (*out)[n++] = copy;
    }
    pthread_mutex_unlock(&s->net->lock);
    return n;
}

static struct err *replace(struct net *n)
{
    autoarena struct arena *a = arena_create();
    autobuf struct buf text = {0};
    struct sources *s = n->sources;
    struct list resumed, gone;
    const struct source **v;
    size_t count;

    pthread_mutex_lock(&n->lock);
    move_all(&s->resumed, &resumed);
    move_all(&s->gone, &gone); /* they are not in the new one */
    pthread_mutex_unlock(&n->lock);
    drop_gone(&gone);
    if (!list_is_empty(&resumed))
        resume_all(s, &resumed);
    free_resumed(s, &resumed);
    count = list_all(s, a, &v);
    sources_text(&text, n->tag, v, count);
    return rules_run(n, text.data);
}

struct err *sources_settle(struct net *n, bool is_unsure)
{
    bool has_some;

    if (!n->sources->sock)
        return NULL;
    pthread_mutex_lock(&n->lock);
    has_some = !list_is_empty(&n->sources->resumed);
    pthread_mutex_unlock(&n->lock);
    return is_unsure || has_some ? replace(n) : NULL;
}

struct err *sources_remove(struct net *n)
{
    autobuf struct buf text = {0};

    if (!n->sources->sock)
        return NULL;
    sources_remove_text(&text, n->tag);
    return rules_run(n, text.data);
}

/* Refused: somebody has removed the table, or there is none yet. */
static struct err *add_now(struct net *n, const struct source *source)
{
    struct err *e = send_changes(n->sources, source, 1, true);

    if (!e)
        return NULL;
    log_debug("the table of sources is made anew", KV("why", err_text(e)));
    err_drop(e);
    return replace(n);
}

/* With the kernel's lock. */
static void remove_gone(struct sources *s)
{
    struct list gone;

    pthread_mutex_lock(&s->net->lock);
    move_all(&s->gone, &gone);
    pthread_mutex_unlock(&s->net->lock);
    list_each (l, &gone, struct listed_source, link) {
        struct err *e = send_changes(s, &l->source, 1, false);

        if (e) /* others have removed it: then all is put back anyway (rules_watch.c) */
            log_debug("a source was not removed", KV("port", l->source.port),
                      KV("why", err_text(e)));
        err_drop(e);
    }
    drop_gone(&gone);
}

struct err *sources_allow(struct net *n, const char *port, const struct endpoint_spec *e)
{
    struct source source = source_of(e, port);
    struct err *err;

    if (!n->sources->sock || e->any_source)
        return NULL;
    net_lock_kernel(n);
    enlist(n->sources, e, port);
    err = add_now(n, &source);
    remove_gone(n->sources); /* that was in its place */
    net_unlock_kernel(n);
    return err;
}

/* ---- what has left ---- */

static void sweep(struct job *job)
{
    struct sources *s = container_of(job, struct sources, sweep);

    net_lock_kernel(s->net);
    remove_gone(s);
    net_unlock_kernel(s->net);
    net_job_ended(s->net);
}

static void start_sweep(struct sources *s);

static void on_swept(struct job *job)
{
    struct sources *s = container_of(job, struct sources, sweep);
    struct net *n = s->net;
    bool has_more;

    s->is_sweeping = false;
    pthread_mutex_lock(&n->lock);
    has_more = !list_is_empty(&s->gone);
    pthread_mutex_unlock(&n->lock);
    if (has_more && !n->is_closed)
        start_sweep(s);
    net_unref(n);
}

static void start_sweep(struct sources *s)
{
    s->is_sweeping = true;
    s->sweep = (struct job){.run = sweep, .done = on_swept};
    net_ref(s->net);
    net_job_began(s->net);
    pool_submit(s->net->pools, POOL_KERNEL, &s->sweep);
}

void net_source_forget(struct net *n, const struct endpoint_spec *e)
{
    struct sources *s = n->sources;
    char place[PLACE_MAX];
    bool has_gone;

    ASSERT_LOOP();
    if (!s->sock || !e->bridge[0] || n->is_closed)
        return;
    place_of(e, place);
    pthread_mutex_lock(&n->lock);
    map_take(s->resuming, place);
    forget_listed(s, map_take(s->by_place, place));
    has_gone = !list_is_empty(&s->gone);
    pthread_mutex_unlock(&n->lock);
    if (has_gone && !s->is_sweeping)
        start_sweep(s);
}

/* ---- its life ---- */

/* A table that is made and removed in one transaction: is all of it possible here? */
static struct err *try_table(struct net *n)
{
    autoarena struct arena *a = arena_create();
    autobuf struct buf text = {0};
    const char *tag = arena_printf(a, "%s_try", n->tag);

    sources_text(&text, tag, NULL, 0);
    buf_printf(&text, "delete table bridge berth_%s\n", tag);
    return rules_run(n, text.data);
}

static struct err *open_socket(struct sources *s)
{
    struct timeval patience = {.tv_sec = PATIENCE_S};

    s->sock = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
    if (!s->sock || mnl_socket_bind(s->sock, 0, MNL_SOCKET_AUTOPID) < 0)
        return err_sys("open a netfilter socket");
    setsockopt(mnl_socket_get_fd(s->sock), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    return NULL;
}

struct sources *sources_create(struct net *n)
{
    struct sources *s = mem_new(struct sources);
    struct err *e;

    s->net = n;
    s->by_place = map_create();
    s->resuming = map_create();
    list_init(&s->gone);
    list_init(&s->resumed);
    s->room = mem_alloc(BATCH_ROOM);
    e = try_table(n);
    if (!e)
        e = open_socket(s);
    if (!e)
        return s;
    log_warn("containers of one network can send from each other's addresses: the kernel or the "
             "nftables of this host cannot filter bridges",
             KV("why", err_text(e)));
    err_drop(e);
    if (s->sock)
        mnl_socket_close(steal_ptr(&s->sock));
    return s;
}

void sources_destroy(struct sources *s)
{
    size_t cursor = 0;
    void *value;

    if (!s)
        return;
    while (map_next(s->by_place, &cursor, NULL, &value))
        free(value);
    map_destroy(s->by_place);
    drop_gone(&s->gone);
    free_resumed(s, &s->resumed);
    map_destroy(s->resuming);
    if (s->sock)
        mnl_socket_close(s->sock);
    free(s->room);
    free(s);
}

uint32_t sources_author(const struct sources *s)
{
    return s->sock ? mnl_socket_get_portid(s->sock) : 0;
}
