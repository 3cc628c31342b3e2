/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keeps the kernel's table equal to the desired state. Loop thread; the transaction
 * itself runs in a worker, one at a time: whoever asks meanwhile is served by the
 * next one, which covers everything changed until it starts. When only ports changed a
 * few elements are sent; everything else, and any refusal, ends in a full atomic replace.
 * An ask that finds nothing changed is answered at once, without a system call. What others
 * decide over forwarded packets is looked at with every replace, and when they change it.
 */
#include <string.h>

#include "base/log.h"

#include "forwarding.h"
#include "inner.h"
#include "nft.h"
#include "passage.h"
#include "rules.h"
#include "sources.h"

struct rules_waiter {
    struct list link;
    void (*fn)(void *ctx, struct err *err);
    void *ctx;
    struct ticket *ticket; /* NULL: fn */
};
struct rules {
    struct net *net;
    struct nft *nft;
    bool is_known;                           /* the kernel has what we sent last */
    bool is_stale;                           /* or had, until somebody else changed it */
    unsigned bridges_version, ports_version; /* that it has */
    struct port_map *removed;                /* in the kernel, no longer desired */
    size_t n_removed, removed_cap;
    struct port_map *leaving; /* the same, and the transaction in flight removes it */
    size_t n_leaving;
    unsigned links_version, sending_links; /* that the kernel has, and is to have */
    bool wants_look;                       /* somebody else changed a table of theirs */
    struct passage *passage;
    struct buf shut, opened; /* as logged last */
    bool is_shut[2];         /* IPv4, IPv6: as the ports' rules were composed for */
    struct list next;        /* waiters for the transaction after this one */

    struct job job; /* the transaction in flight; the worker owns from here on */
    bool is_running;
    bool is_full;
    bool is_sure; /* the table of sources is as it should be */
    unsigned sending_version, sending_ports;
    struct list served;
    bool is_looking, is_unsure;
    struct buf text, full_text, bridge_names;
    struct buf guard; /* as sent last (forwarding.h) */
    struct err *err;
};

struct rules *rules_create(struct net *n)
{
    struct rules *r = mem_new(struct rules);

    r->net = n;
    r->nft = nft_create();
    r->passage = passage_create(n->tag, n->accept_forward);
    list_init(&r->next);
    list_init(&r->served);
    return r;
}

static void drop_waiters(struct list *waiters)
{
    list_each (w, waiters, struct rules_waiter, link) {
        list_remove(&w->link);
        free(w);
    }
}

void rules_destroy(struct rules *r)
{
    if (!r)
        return;
    drop_waiters(&r->next);
    drop_waiters(&r->served);
    nft_destroy(r->nft);
    passage_destroy(r->passage);
    buf_finish(&r->shut);
    buf_finish(&r->opened);
    buf_finish(&r->bridge_names);
    buf_finish(&r->text);
    buf_finish(&r->full_text);
    buf_finish(&r->guard);
    err_drop(r->err);
    free(r->removed);
    free(r->leaving);
    free(r);
}

struct err *rules_run(struct net *n, const char *text)
{
    return nft_run(n->rules->nft, text);
}

/* At the end of the last engine with no container: nothing of ours stays in the host's firewall. */
struct err *rules_remove_table(struct net *n)
{
    autobuf struct buf text = {0};

    passage_look(n->rules->passage, n->rules->nft, NULL);
    rules_remove_text(&text, n->tag);
    return nft_run(n->rules->nft, text.data);
}

void rules_forget_port(struct net *n, const struct port_map *m)
{
    struct rules *r = n->rules;

    ASSERT_LOOP();
    if (r->n_removed == r->removed_cap) {
        size_t cap = r->removed_cap ? r->removed_cap * 2 : 8;
        r->removed = mem_resize(r->removed, r->removed_cap * sizeof(*m), cap * sizeof(*m));
        r->removed_cap = cap;
    }
    r->removed[r->n_removed++] = *m;
}

bool rules_are_running(const struct net *n)
{
    return n->rules->is_running;
}

void rules_forget_all(struct net *n)
{
    n->rules->is_known = false;
    n->rules->is_stale = true; /* also what is on its way may have come too early */
}

void rules_look(struct net *n)
{
    struct rules *r = n->rules;

    r->wants_look = true;
    net_rules_apply(n, NULL, NULL);
}

bool net_forward_is_shut(const struct net *n, bool is_v6)
{
    return n->rules->is_shut[is_v6];
}

const char *net_forward_shut(const struct net *n)
{
    return n->rules->shut.len ? n->rules->shut.data : NULL;
}

/* ---- what to send ---- */

struct collected {
    struct port_map *all, *added;
    size_t n_all, n_added, cap;
    bool mark; /* as applied */
};

static void collect(void *ctx, const struct port_map *m, bool *is_applied)
{
    struct collected *c = ctx;

    ASSERT(c->n_all <= c->cap);
    if (c->n_all == c->cap) {
        size_t cap = c->cap ? c->cap * 2 : 16;
        c->all = mem_resize(c->all, c->cap * sizeof(*m), cap * sizeof(*m));
        c->added = mem_resize(c->added, c->cap * sizeof(*m), cap * sizeof(*m));
        c->cap = cap;
    }
    c->all[c->n_all++] = *m;
    if (!*is_applied)
        c->added[c->n_added++] = *m;
    *is_applied = *is_applied || c->mark;
}

/* What the last transaction sent is compared by version, not by content. */
static bool is_changed(struct rules *r)
{
    bool is_same;

    pthread_mutex_lock(&r->net->lock);
    is_same =
        r->net->bridges_version == r->bridges_version && r->net->ports_version == r->ports_version;
    pthread_mutex_unlock(&r->net->lock);
    return !r->is_known || r->n_removed || r->wants_look || !is_same;
}

/* Copies the bridges; the version they belong to comes back. */
static unsigned copy_bridges(struct net *n, struct bridge_spec **out, size_t *out_n)
{
    size_t count = 0;
    unsigned version;

    pthread_mutex_lock(&n->lock);
    list_each (b, &n->bridges, struct bridge, link)
        count++;
    *out = mem_array(count + 1, sizeof(**out));
    *out_n = 0;
    list_each (b, &n->bridges, struct bridge, link)
        (*out)[(*out_n)++] = b->spec;
    version = n->bridges_version;
    pthread_mutex_unlock(&n->lock);
    return version;
}

/* What was on its way and was refused is still there. */
static void note_leaving(struct rules *r)
{
    size_t n = r->n_leaving + r->n_removed;
    struct port_map *all = mem_array(n + 1, sizeof(*all));

    if (r->n_leaving)
        memcpy(all, r->leaving, r->n_leaving * sizeof(*all));
    if (r->n_removed)
        memcpy(all + r->n_leaving, r->removed, r->n_removed * sizeof(*all));
    free(r->leaving);
    r->leaving = all;
    r->n_leaving = n;
    r->n_removed = 0;
    r->sending_links = r->net->links_version;
}

/* On the loop, into text: the worker sees no object. Elements alone are sent when only ports have
 * changed. */
static void compose(struct rules *r)
{
    struct collected c = {.mark = true};
    autofree struct bridge_spec *bridges = NULL;
    autofree struct legacy_link_rule *legacy_links = NULL;
    size_t n_bridges, n_legacy_links;

    ASSERT(!r->is_running);
    pthread_mutex_lock(&r->net->lock);
    r->sending_ports = r->net->ports_version;
    pthread_mutex_unlock(&r->net->lock);
    ports_each_rule(r->net, collect, &c);
    r->sending_version = copy_bridges(r->net, &bridges, &n_bridges);
    legacy_link_rules_copy(r->net, &legacy_links, &n_legacy_links);
    r->is_stale = false;
    r->is_full = !r->is_known || r->sending_version != r->bridges_version;
    r->is_sure = r->is_known;
    r->is_looking = r->is_full || r->wants_look;
    r->wants_look = false;
    r->bridge_names.len = 0;
    for (size_t i = 0; i < n_bridges; i++)
        buf_printf(&r->bridge_names, "%s%s", i ? " " : "", bridges[i].ifname);
    r->text.len = r->full_text.len = 0;
    rules_text(&r->full_text, &(struct rules_view){.tag = r->net->tag,
                                                   .bridges = bridges,
                                                   .n_bridges = n_bridges,
                                                   .ports = c.all,
                                                   .n_ports = c.n_all,
                                                   .legacy_links = legacy_links,
                                                   .n_legacy_links = n_legacy_links,
                                                   .ip_masq = r->net->ip_masq});
    if (!r->is_full)
        rules_ports_text(&r->text, r->net->tag, r->removed, r->n_removed, c.added, c.n_added);
    note_leaving(r);
    free(c.all);
    free(c.added);
}

/* ---- the transaction ---- */

/* Composed here, not on the loop: what others have on the host is read for it. */
static struct err *compose_guard(struct rules *r, struct buf *out)
{
    autoarena struct arena *a = arena_create();
    struct strs own = text_split(a, r->bridge_names.len ? r->bridge_names.data : "", ' ');

    return forwarding_guard(r->net->forwarding, r->net->tag, &own, out);
}

static struct err *replace(struct rules *r)
{
    size_t own = r->full_text.len;

    TRY(compose_guard(r, &r->full_text));
    r->guard.len = 0;
    buf_puts(&r->guard, r->full_text.data + own);
    TRY(nft_run(r->nft, r->full_text.data));
    return sources_settle(r->net, !r->is_sure);
}

/* A bridge of others has come or gone. */
static struct err *renew_guard(struct rules *r)
{
    autobuf struct buf now = {0};

    TRY(compose_guard(r, &now));
    if (!now.len || text_same(now.data, r->guard.data))
        return NULL;
    TRY(nft_run(r->nft, now.data));
    r->guard.len = 0;
    buf_puts(&r->guard, now.data);
    return NULL;
}

static void look_at_others(struct rules *r)
{
    struct err *e = r->is_full ? NULL : renew_guard(r);

    r->is_unsure =
        e || !passage_look(r->passage, r->nft, r->bridge_names.len ? r->bridge_names.data : "");
    if (e)
        log_debug("bridges of others not looked at", KV("why", err_text(e)));
    err_drop(e);
}

static void send_text(struct job *job)
{
    struct rules *r = container_of(job, struct rules, job);

    ASSERT_WORKER();
    net_lock_kernel(r->net);
    if (!r->is_full && r->text.len) {
        struct err *e = nft_run(r->nft, r->text.data);
        if (e) { /* somebody else changed our table: set it right */
            log_debug("nft elements refused", KV("why", err_text(e)));
            err_drop(e);
            r->is_full = true;
            r->is_sure = false;
        }
    }
    if (r->is_full)
        r->err = replace(r);
    r->is_looking |= r->is_full;
    if (r->is_looking)
        look_at_others(r);
    net_unlock_kernel(r->net);
    net_job_ended(r->net);
}

static bool is_news(struct buf *known, const char *now)
{
    if (text_same(known->data, now))
        return false;
    known->len = 0;
    buf_puts(known, now);
    return true;
}

/* A port whose packets would be dropped on their way is the proxy's alone. */
static bool note_shut(struct rules *r)
{
    bool v4 = passage_is_shut(r->passage, false), v6 = passage_is_shut(r->passage, true);

    if (r->is_shut[0] == v4 && r->is_shut[1] == v6)
        return false;
    r->is_shut[0] = v4;
    r->is_shut[1] = v6;
    r->is_known = false;
    return true;
}

/* True: the rules of ports are to be made anew. */
static bool note_look(struct rules *r)
{
    if (is_news(&r->opened, passage_opened(r->passage)) && r->opened.len)
        log_info("the host drops forwarded packets that its own rules do not accept: these chains "
                 "now accept those of containers",
                 KV("chains", r->opened.data));
    if (is_news(&r->shut, passage_shut(r->passage)) && r->shut.len)
        log_warn("the host drops forwarded packets that its own rules do not accept, and these "
                 "chains are not opened for containers: they do not reach the outside, and their "
                 "published ports are served by the proxy",
                 KV("chains", r->shut.data));
    return note_shut(r);
}

static void start(struct rules *r);

/* Takes both. */
static void answer(struct rules_waiter *w, struct err *err)
{
    if (w->ticket) {
        ticket_answer(w->ticket, err);
    } else if (w->fn) {
        w->fn(w->ctx, err);
    } else {
        if (err)
            log_debug("network rules not applied", KV("why", err_text(err)));
        err_drop(err);
    }
    free(w);
}

static void on_sent(struct job *job)
{
    struct rules *r = container_of(job, struct rules, job);
    struct net *n = r->net;
    struct list served;

    ASSERT(r->is_running);
    r->is_running = false;
    if (n->is_closed) {
        net_unref(n);
        return;
    }
    r->is_known = !r->err && !r->is_stale;
    rules_watch_sent(n->rules_watch, r->is_looking && r->is_unsure);
    r->bridges_version = r->sending_version;
    r->ports_version = r->sending_ports;
    if (!r->err) {
        r->n_leaving = 0;
        r->links_version = r->sending_links;
    }
    buf_finish(&r->text); /* thousands of ports make a text that is not worth keeping */
    buf_finish(&r->full_text);
    list_init(&served);
    list_each (w, &r->served, struct rules_waiter, link) {
        list_remove(&w->link);
        list_append(&served, &w->link);
    }
    struct err *err = r->err;
    r->err = NULL;
    bool is_stale = r->is_looking && !r->is_unsure && note_look(r);
    if (!list_is_empty(&r->next) || is_stale)
        start(r);
    list_each (w, &served, struct rules_waiter, link) {
        list_remove(&w->link);
        answer(w, err_copy(err));
    }
    err_drop(err);
    net_unref(n);
}

/* All who wait now are served by this transaction: it is composed after their changes. */
static void start(struct rules *r)
{
    ASSERT(!r->is_running && list_is_empty(&r->served));
    compose(r);
    list_each (w, &r->next, struct rules_waiter, link) {
        list_remove(&w->link);
        list_append(&r->served, &w->link);
    }
    r->is_running = true;
    r->job = (struct job){.run = send_text, .done = on_sent};
    net_ref(r->net);
    net_job_began(r->net);
    pool_submit(r->net->pools, POOL_KERNEL, &r->job);
}

/* One transaction at a time; who comes meanwhile shares the next one. */
static void add_waiter(struct rules *r, struct rules_waiter *w)
{
    list_append(&r->next, &w->link);
    if (!r->is_running)
        start(r);
}

static bool is_settled(struct rules *r)
{
    ASSERT_LOOP();
    return !r->is_running && !is_changed(r);
}

void net_rules_apply(struct net *n, void (*fn)(void *ctx, struct err *err), void *ctx)
{
    struct rules_waiter *w;

    if (is_settled(n->rules)) {
        if (fn)
            fn(ctx, NULL);
        return;
    }
    w = mem_new(struct rules_waiter);
    w->fn = fn;
    w->ctx = ctx;
    add_waiter(n->rules, w);
}

void net_rules_apply_for(struct net *n, struct op *op)
{
    struct rules_waiter *w;

    if (is_settled(n->rules))
        return;
    w = mem_new(struct rules_waiter);
    w->ticket = op_wait(op);
    add_waiter(n->rules, w);
}

/* ---- addresses that are to be used again ---- */

static bool is_target(const struct port_map *v, size_t n, const struct endpoint_spec *e)
{
    for (size_t i = 0; i < n; i++)
        if ((e->addr && v[i].addr == e->addr) ||
            (e->bits6 && !memcmp(v[i].addr6, &e->addr6, sizeof(e->addr6))))
            return true;
    return false;
}

/* Links are few: any change of theirs counts. */
static bool is_named(const struct net *n, const struct endpoint_spec *e)
{
    const struct rules *r = n->rules;

    return n->links_version != r->links_version || is_target(r->removed, r->n_removed, e) ||
           is_target(r->leaving, r->n_leaving, e);
}

void net_rules_leave_for(struct net *n, struct op *op, const struct endpoint_spec *v, size_t count)
{
    ASSERT_LOOP();
    for (size_t i = 0; i < count; i++) {
        if (!is_named(n, &v[i]))
            continue;
        net_rules_apply_for(n, op);
        return;
    }
}
