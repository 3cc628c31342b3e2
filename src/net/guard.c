/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rules of a host that forwards because of us. A chain of its own, before all others of the
 * hook: those let through what is established, and a connection that was begun while the host
 * forwarded for another reason is not let through by us. The sets are the table's, also where
 * the table is not there yet. Pure.
 */
#include "forwarding.h"

static void put_set(struct buf *out, const char *tag, const char *name, const struct strs *links,
                    bool is_pair)
{
    buf_printf(out, "add set inet berth_%s %s { type ifname%s; }\nflush set inet berth_%s %s\n",
               tag, name, is_pair ? " . ifname" : "", tag, name);
    for (size_t i = 0; i < links->n; i++) {
        buf_printf(out, "add element inet berth_%s %s { \"%s\"", tag, name, links->v[i]);
        if (is_pair)
            buf_printf(out, " . \"%s\"", links->v[i]);
        buf_puts(out, " }\n");
    }
}

static void put_rule(struct buf *out, const char *tag, const char *word, const char *what,
                     const char *set)
{
    buf_printf(out, "add rule inet berth_%s guard meta nfproto %s %s @%s accept\n", tag, word, what,
               set);
}

/* Of one family; a packet within one bridge comes here only where br_netfilter is loaded. */
static void put_rules(struct buf *out, const char *tag, const char *word, const char *guests)
{
    put_rule(out, tag, word, "iifname", "bridges");
    put_rule(out, tag, word, "oifname", "bridges");
    put_rule(out, tag, word, "iifname", guests);
    put_rule(out, tag, word, "oifname", guests);
    put_rule(out, tag, word, "iifname . oifname", "bridged");
    buf_printf(out, "add rule inet berth_%s guard meta nfproto %s drop\n", tag, word);
}

void guard_text(struct buf *out, const struct guard_view *v)
{
    static const char *const words[FORWARD_FAMILIES] = {"ipv4", "ipv6"};
    static const char *const sets[FORWARD_FAMILIES] = {"guests4", "guests6"};

    if (!v->is_closed[FORWARD4] && !v->is_closed[FORWARD6])
        return;
    buf_printf(out,
               "add table inet berth_%s\nadd set inet berth_%s bridges { type ifname; }\n"
               "add chain inet berth_%s guard { type filter hook forward priority filter - 5; "
               "policy accept; }\nflush chain inet berth_%s guard\n",
               v->tag, v->tag, v->tag, v->tag);
    put_set(out, v->tag, "bridged", &v->bridged, true);
    for (int i = 0; i < FORWARD_FAMILIES; i++) {
        put_set(out, v->tag, sets[i], &v->guests[i], false);
        if (v->is_closed[i])
            put_rules(out, v->tag, words[i], sets[i]);
    }
}
