/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of sources.h as text, and its changes as messages: a start adds a few elements, which
 * libnftables would take a millisecond for. Keys of several parts have each of them padded to four
 * bytes, in network order. Pure.
 */
#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdio.h>
#include <string.h>

#include "sources.h"

#define KEY_MAX 40             /* link, MAC, IPv6 address */
#define SOURCE_ROOM (16 * 128) /* of all messages of one source */

struct source_key {
    uint8_t bytes[KEY_MAX];
    size_t len;
};

/* The sets and what of a source is in them. nd6 is from6 once more: what follows from ICMPv6's
 * header is no address to nft. */
enum source_set { SET_PORTS, SET_FROM4, SET_FROM6, SET_ND6, SETS };
static const struct {
    const char *name, *type;
} sets[SETS] = {
    [SET_PORTS] = {"ports", "type ifname"},
    [SET_FROM4] = {"from4", "type ifname . ether_addr . ipv4_addr"},
    [SET_FROM6] = {"from6", "type ifname . ether_addr . ipv6_addr"},
    [SET_ND6] = {"nd6", "typeof iifname . ether saddr . @th,64,128"},
};
#define KEYS_MAX (2 + ENDPOINT_MORE_MAX) /* of one source in one set */

static void add_part(struct source_key *k, const void *part, size_t n)
{
    memcpy(k->bytes + k->len, part, n);
    k->len += (n + 3) & ~(size_t)3;
}

static struct source_key key_of(const struct source *s, const void *addr, size_t n)
{
    struct source_key k = {.len = 0};

    add_part(&k, s->port, sizeof(s->port));
    if (n) {
        add_part(&k, s->mac, sizeof(s->mac));
        add_part(&k, addr, n);
    }
    return k;
}

/* Its addresses of a family, in the order of the keys. */
static size_t addresses4(const struct source *s, uint32_t out[KEYS_MAX])
{
    size_t n = 0;

    if (s->addr)
        out[n++] = s->addr;
    for (size_t i = 0; i < s->n_more; i++)
        out[n++] = s->more[i];
    return n;
}

static size_t addresses6(const struct source *s, struct in6_addr out[KEYS_MAX])
{
    size_t n = 0;

    if (!s->has_v6)
        return 0;
    out[n++] = s->addr6;
    out[n++] = s->link_local;
    for (size_t i = 0; i < s->n_more6; i++)
        if (!addr6_is_equal(&s->more6[i], &s->link_local))
            out[n++] = s->more6[i];
    return n;
}

static size_t keys_of(const struct source *s, enum source_set set, struct source_key out[KEYS_MAX])
{
    struct in6_addr v6[KEYS_MAX];
    uint32_t v4[KEYS_MAX], addr;
    size_t n;

    switch (set) {
    case SET_PORTS:
        out[0] = key_of(s, NULL, 0);
        return 1;
    case SET_FROM4:
        n = addresses4(s, v4);
        for (size_t i = 0; i < n; i++) {
            addr = htonl(v4[i]);
            out[i] = key_of(s, &addr, sizeof(addr));
        }
        return n;
    default:
        n = addresses6(s, v6);
        for (size_t i = 0; i < n; i++)
            out[i] = key_of(s, &v6[i], sizeof(v6[i]));
        return n;
    }
}

/* ---- as text ---- */

static void put_address(struct buf *out, const struct source *s, enum source_set set, size_t i)
{
    struct in6_addr v6[KEYS_MAX];
    uint32_t v4[KEYS_MAX];
    char text[ADDR6_TEXT];

    if (set == SET_FROM4) {
        addresses4(s, v4);
        addr4_text(v4[i], text);
        buf_puts(out, text);
        return;
    }
    addresses6(s, v6);
    if (set == SET_FROM6) {
        addr6_text(&v6[i], text);
        buf_puts(out, text);
    } else {
        buf_puts(out, "0x");
        for (int k = 0; k < 16; k++)
            buf_printf(out, "%02x", v6[i].s6_addr[k]);
    }
}

static void put_element(struct buf *out, const struct source *s, enum source_set set, size_t i)
{
    const uint8_t *m = s->mac;

    buf_printf(out, "\"%s\"", s->port);
    if (set == SET_PORTS)
        return;
    buf_printf(out, " . %02x:%02x:%02x:%02x:%02x:%02x . ", m[0], m[1], m[2], m[3], m[4], m[5]);
    put_address(out, s, set, i);
}

static void put_set(struct buf *out, enum source_set set, const struct source *const *v, size_t n)
{
    struct source_key keys[KEYS_MAX];
    bool has_some = false;

    buf_printf(out, "  set %s {\n    %s\n", sets[set].name, sets[set].type);
    for (size_t i = 0; i < n; i++) {
        size_t count = keys_of(v[i], set, keys);

        for (size_t k = 0; k < count; k++) {
            buf_puts(out, has_some ? ",\n      " : "    elements = {\n      ");
            put_element(out, v[i], set, k);
            has_some = true;
        }
    }
    buf_puts(out, has_some ? "\n    }\n  }\n" : "  }\n");
}

/* At a bridge's prerouting nothing has been learned from a frame yet: no entry of the forwarding
 * database, no neighbour of the host's. What has a tag is not looked into (tag 0 would be taken for
 * none by who gets it), so it goes, like all that is neither IP nor ARP. */
static const char chains[] =
    "  chain prerouting {\n"
    "    type filter hook prerouting priority -300; policy accept;\n"
    "    iifname @ports jump check\n"
    "  }\n"
    "  chain check {\n"
    "    ether type ip icmp type redirect drop\n"
    "    ether type ip iifname . ether saddr . ip saddr @from4 accept\n"
    "    ether type arp iifname . ether saddr . arp saddr ip @from4 "
    "iifname . arp saddr ether . arp saddr ip @from4 accept\n"
    "    ether type ip6 icmpv6 type { nd-router-advert, nd-redirect } drop\n"
    "    ether type ip6 icmpv6 type nd-neighbor-advert "
    "iifname . ether saddr . @th,64,128 != @nd6 drop\n"
    "    ether type ip6 iifname . ether saddr . ip6 saddr @from6 accept\n"
    "    counter drop\n"
    "  }\n";

void sources_remove_text(struct buf *out, const char *tag)
{
    buf_printf(out, "add table bridge berth_%s\ndelete table bridge berth_%s\n", tag, tag);
}

void sources_text(struct buf *out, const char *tag, const struct source *const *v, size_t n)
{
    sources_remove_text(out, tag);
    buf_printf(out, "table bridge berth_%s {\n", tag);
    for (int set = 0; set < SETS; set++)
        put_set(out, (enum source_set)set, v, n);
    /* a set must be there before the chains that name it */
    buf_printf(out, "%s}\n", chains);
}

/* ---- as messages ---- */

static struct nlmsghdr *put_header(struct source_batch *b, int type, unsigned flags, int family,
                                   uint16_t res_id)
{
    struct nlmsghdr *m = mnl_nlmsg_put_header(b->room + b->len);
    struct nfgenmsg *gen = mnl_nlmsg_put_extra_header(m, sizeof(*gen));

    m->nlmsg_type = (uint16_t)type;
    m->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
    m->nlmsg_seq = ++b->last_seq;
    gen->nfgen_family = (uint8_t)family;
    gen->version = NFNETLINK_V0;
    gen->res_id = htons(res_id);
    return m;
}

static void end_message(struct source_batch *b, const struct nlmsghdr *m)
{
    b->len += MNL_ALIGN(m->nlmsg_len);
    ASSERT(b->len <= b->size);
}

static void put_elements(struct source_batch *b, const char *tag, const struct source *s,
                         enum source_set set, bool is_added)
{
    struct source_key keys[KEYS_MAX];
    size_t n = keys_of(s, set, keys);
    char table[32];

    if (!n)
        return;
    snprintf(table, sizeof(table), "berth_%s", tag);
    struct nlmsghdr *m = put_header(
        b, NFNL_SUBSYS_NFTABLES << 8 | (is_added ? NFT_MSG_NEWSETELEM : NFT_MSG_DELSETELEM),
        NLM_F_ACK | (is_added ? NLM_F_CREATE : 0), NFPROTO_BRIDGE, 0);
    mnl_attr_put_strz(m, NFTA_SET_ELEM_LIST_TABLE, table);
    mnl_attr_put_strz(m, NFTA_SET_ELEM_LIST_SET, sets[set].name);
    struct nlattr *list = mnl_attr_nest_start(m, NFTA_SET_ELEM_LIST_ELEMENTS);
    for (size_t i = 0; i < n; i++) {
        struct nlattr *one = mnl_attr_nest_start(m, NFTA_LIST_ELEM);
        struct nlattr *key = mnl_attr_nest_start(m, NFTA_SET_ELEM_KEY);
        mnl_attr_put(m, NFTA_DATA_VALUE, keys[i].len, keys[i].bytes);
        mnl_attr_nest_end(m, key);
        mnl_attr_nest_end(m, one);
    }
    mnl_attr_nest_end(m, list);
    end_message(b, m);
}

size_t sources_batch(struct source_batch *b, const char *tag, const struct source *v, size_t n,
                     bool is_added)
{
    size_t done = 0;

    b->len = 0;
    end_message(b, put_header(b, NFNL_MSG_BATCH_BEGIN, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES));
    b->first_seq = b->last_seq + 1;
    for (; done < n && b->size - b->len >= SOURCE_ROOM; done++)
        for (int set = 0; set < SETS; set++)
            put_elements(b, tag, &v[done], (enum source_set)set, is_added);
    uint32_t last = b->last_seq;
    end_message(b, put_header(b, NFNL_MSG_BATCH_END, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES));
    b->last_seq = last;
    return done;
}
