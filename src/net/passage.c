/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Docker accepts its bridges' traffic in the host's FORWARD chain, so its users expect containers
 * to work where a firewall, or dockerd itself, has set that to drop. The same is done here, but
 * behind the host's own rules: what one of them decides stays decided. What is
 * written is what iptables itself would write (links, counter, verdict), so its programs go on
 * reading their tables. Bridges of others are left to their policy unless they lead outside, as
 * dockerd's containers were reachable through their unpublished ports otherwise. Changes only
 * what differs: two engines must not answer each other's changes for ever. Workers.
 */
#include "passage.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "base/text.h"

#include "bridge_list.h"
#include "forward_chains.h"
#include "nft.h"

enum { SHUT4 = 1, SHUT6 = 2 };

struct passage {
    char own[32]; /* our chain in the tables of others */
    bool may_open;
    struct buf sent; /* the rules of that chain as last written */
    struct buf shut, opened;
    unsigned shut_families;
};

struct passage *passage_create(const char *tag, bool may_open)
{
    struct passage *f = mem_new(struct passage);

    snprintf(f->own, sizeof(f->own), "berth_%s", tag);
    f->may_open = may_open;
    return f;
}

void passage_destroy(struct passage *f)
{
    if (!f)
        return;
    buf_finish(&f->sent);
    buf_finish(&f->shut);
    buf_finish(&f->opened);
    free(f);
}

const char *passage_shut(const struct passage *f)
{
    return f->shut.len ? f->shut.data : "";
}

const char *passage_opened(const struct passage *f)
{
    return f->opened.len ? f->opened.data : "";
}

bool passage_is_shut(const struct passage *f, bool is_v6)
{
    return f->shut_families & (is_v6 ? SHUT6 : SHUT4);
}

/* ---- the rules of our chain ---- */

/* Fit for the text of a transaction as it is. */
static bool is_plain(const char *name)
{
    for (const char *c = name; *c; c++)
        if (!isalnum((unsigned char)*c) && !strchr("-_.", *c))
            return false;
    return isalpha((unsigned char)name[0]);
}

static void add_rule(struct arena *a, struct strs *out, const char *key, const char *ifname,
                     const char *verdict)
{
    strs_add(a, out, arena_printf(a, "%s \"%s\" counter %s", key, ifname, verdict));
}

/* First what goes into a bridge of ours: our own table has decided about it already. Then what goes
 * into others' inner bridges is left to their owners, before the last rules would let our
 * containers in there. At last what our containers send elsewhere; the answers are let through by
 * the first rules, whichever way they come. */
static struct err *plan_rules(struct arena *a, const char *bridge_names, struct strs *out)
{
    struct strs own = text_split(a, bridge_names, ' ');
    struct bridge_list all = {.a = a};

    TRY(bridge_list_read(&all));
    for (size_t i = 0; i < own.n; i++)
        add_rule(a, out, "oifname", own.v[i], "accept");
    for (size_t i = 0; i < all.n; i++)
        if (!all.v[i].is_way_out && !strs_has(&own, all.v[i].name) && is_plain(all.v[i].name))
            add_rule(a, out, "oifname", all.v[i].name, "return");
    for (size_t i = 0; i < own.n; i++)
        add_rule(a, out, "iifname", own.v[i], "accept");
    return NULL;
}

/* ---- one table of somebody else's ---- */

struct look {
    struct passage *f;
    struct nft *nft;
    struct forward_chains chains;
    struct strs rules;
    char *text; /* of the rules, for comparison */
    bool wants; /* that dropping chains are opened */
};

static bool is_same_table(const struct forward_chain *a, const struct forward_chain *b)
{
    return !strcmp(a->family, b->family) && !strcmp(a->table, b->table);
}

static bool is_first_of_table(const struct look *l, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (is_same_table(&l->chains.v[k], &l->chains.v[i]))
            return false;
    return true;
}

static bool is_wanted(const struct look *l, const struct forward_chain *c)
{
    return l->wants && c->is_base && c->drops;
}

/* Where rules have been added behind it, it goes behind them again. */
static bool is_in_place(const struct forward_chain *c)
{
    return c->jump && !c->n_behind;
}

static void put_own_chain(const struct look *l, struct buf *out, const struct forward_chain *at)
{
    const char *own = l->f->own;

    buf_printf(out, "add chain %s %s %s\nflush chain %s %s %s\n", at->family, at->table, own,
               at->family, at->table, own);
    for (size_t i = 0; i < l->rules.n; i++)
        buf_printf(out, "add rule %s %s %s %s\n", at->family, at->table, own, l->rules.v[i]);
}

/* Behind every rule but the one that drops the rest. */
static void put_jump(const struct look *l, struct buf *out, const struct forward_chain *c)
{
    if (c->last)
        buf_printf(out, "insert rule %s %s %s handle %llu counter jump %s\n", c->family, c->table,
                   c->name, (unsigned long long)c->last, l->f->own);
    else
        buf_printf(out, "add rule %s %s %s counter jump %s\n", c->family, c->table, c->name,
                   l->f->own);
}

static void put_changes(const struct look *l, struct buf *out, const struct forward_chain *first)
{
    const struct forward_chain *own = NULL;
    bool is_used = false;

    for (size_t i = 0; i < l->chains.n; i++) {
        const struct forward_chain *c = &l->chains.v[i];

        if (!is_same_table(c, first))
            continue;
        if (!c->is_base)
            own = c;
        is_used |= is_wanted(l, c);
        if (c->jump && (!is_wanted(l, c) || !is_in_place(c)))
            buf_printf(out, "delete rule %s %s %s handle %llu\n", c->family, c->table, c->name,
                       (unsigned long long)c->jump);
    }
    if (own && !is_used)
        buf_printf(out, "flush chain %s %s %s\ndelete chain %s %s %s\n", own->family, own->table,
                   own->name, own->family, own->table, own->name);
    if (is_used && (!own || own->n_rules != l->rules.n || !text_same(l->f->sent.data, l->text)))
        put_own_chain(l, out, first);
    for (size_t i = 0; i < l->chains.n; i++)
        if (is_same_table(&l->chains.v[i], first) && is_wanted(l, &l->chains.v[i]) &&
            !is_in_place(&l->chains.v[i]))
            put_jump(l, out, &l->chains.v[i]);
}

static struct err *change_table(const struct look *l, const struct forward_chain *first)
{
    autobuf struct buf text = {0};

    for (size_t i = 0; i < l->chains.n; i++)
        if (is_same_table(&l->chains.v[i], first) &&
            (!is_plain(first->table) || !is_plain(l->chains.v[i].name)))
            return err_new(ERR_INVALID, "its name cannot be written");
    put_changes(l, &text, first);
    return text.len ? nft_run(l->nft, text.data) : NULL;
}

static void note(struct buf *out, const struct forward_chain *c)
{
    buf_printf(out, "%s%s %s %s", out->len ? ", " : "", c->family, c->table, c->name);
}

static void look_at_table(struct look *l, const struct forward_chain *first)
{
    struct passage *f = l->f;
    struct err *e = change_table(l, first);

    if (e)
        log_warn("a chain of the host's firewall cannot be changed", KV("table", first->table),
                 KV("why", err_text(e)));
    for (size_t i = 0; i < l->chains.n; i++) {
        const struct forward_chain *c = &l->chains.v[i];

        if (!c->drops || !is_same_table(c, first))
            continue;
        if (!e && l->wants) {
            note(&f->opened, c);
            continue;
        }
        note(&f->shut, c);
        f->shut_families |= strcmp(c->family, "ip6") ? SHUT4 : 0;
        f->shut_families |= strcmp(c->family, "ip") ? SHUT6 : 0;
    }
    err_drop(e);
}

static bool has_dropping(const struct forward_chains *l)
{
    for (size_t i = 0; i < l->n; i++)
        if (l->v[i].drops)
            return true;
    return false;
}

bool passage_look(struct passage *f, struct nft *nft, const char *bridge_names)
{
    autoarena struct arena *a = arena_create();
    struct look l = {.f = f, .nft = nft, .chains = {.a = a, .own = f->own}, .text = ""};
    struct err *e = NULL;

    if (!forward_chains_read(&l.chains))
        return false;
    l.wants = bridge_names && f->may_open && has_dropping(&l.chains);
    if (l.wants)
        e = plan_rules(a, bridge_names, &l.rules);
    if (e) {
        log_debug("the host's links cannot be read", KV("why", err_text(e)));
        err_drop(e);
        return false;
    }
    if (l.wants)
        l.text = strs_join(a, &l.rules, "\n");
    f->shut.len = f->opened.len = f->shut_families = 0;
    for (size_t i = 0; i < l.chains.n; i++)
        if (is_first_of_table(&l, i))
            look_at_table(&l, &l.chains.v[i]);
    f->sent.len = 0;
    buf_puts(&f->sent, l.text);
    return true;
}
