/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The codec of dns_packet.h. Foreign bytes on both sides: containers ask, servers answer.
 * Every read goes through `struct cursor`, which fails for good at the first step past
 * the end; a compressed name may only point backwards, so it always ends.
 */
#include "dns_packet.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "net/ipam.h"

#define FLAG_QR 0x8000
#define FLAG_OPCODE 0x7800
#define FLAG_TC 0x0200
#define FLAG_RD 0x0100
#define FLAG_RA 0x0080
#define FLAG_AD 0x0020
#define FLAG_CD 0x0010
#define EDNS_DO 0x8000
#define OUR_UDP_SIZE 1232 /* as the DNS flag day has it */
#define TTL_MAX 3600
#define TTL_NEGATIVE_MAX 300

struct cursor {
    const uint8_t *p;
    size_t n, at;
    bool is_bad;
};

static uint8_t take8(struct cursor *c)
{
    if (c->is_bad || c->at >= c->n) {
        c->is_bad = true;
        return 0;
    }
    return c->p[c->at++];
}

static uint16_t take16(struct cursor *c)
{
    uint16_t high = take8(c);

    return (uint16_t)(high << 8 | take8(c));
}

static uint32_t take32(struct cursor *c)
{
    uint32_t high = take16(c);

    return high << 16 | take16(c);
}

static void skip(struct cursor *c, size_t n)
{
    if (c->is_bad || n > c->n - c->at)
        c->is_bad = true;
    else
        c->at += n;
}

/* ---- names ---- */

struct name_text {
    char *out; /* NULL: only skipped */
    size_t len;
};

static void put_byte(struct name_text *t, uint8_t b)
{
    if (!t->out || t->len + 5 > DNS_NAME_TEXT)
        return;
    if (b <= ' ' || b >= 0x7f || b == '.' || b == '\\')
        t->len += (size_t)snprintf(t->out + t->len, 5, "\\%03u", b);
    else
        t->out[t->len++] = (char)tolower(b);
}

static void take_label(struct cursor *c, uint8_t len, struct name_text *t)
{
    if (t->out && t->len && t->len + 1 < DNS_NAME_TEXT)
        t->out[t->len++] = '.';
    for (uint8_t i = 0; i < len && !c->is_bad; i++)
        put_byte(t, take8(c));
}

/* Leaves the cursor after the name; out may be NULL. */
static void take_name(struct cursor *c, char *out)
{
    struct name_text t = {.out = out};
    struct cursor at = *c;
    size_t wire = 1, lowest = c->at;
    bool has_jumped = false;

    for (;;) {
        uint8_t len = take8(&at);

        if (at.is_bad || (len & 0xc0) == 0x40 || (len & 0xc0) == 0x80) {
            c->is_bad = true;
            return;
        }
        if (len >= 0xc0) {
            size_t to = (size_t)(len & 0x3f) << 8 | take8(&at);

            if (!has_jumped)
                c->at = at.at;
            has_jumped = true;
            /* only backwards: no loops; and never into the header, whose bytes change */
            if (at.is_bad || to >= lowest || to < DNS_HEADER) {
                c->is_bad = true;
                return;
            }
            lowest = at.at = to;
            continue;
        }
        if (!len)
            break;
        wire += len + 1u;
        if (wire > DNS_WIRE_NAME_MAX) {
            c->is_bad = true;
            return;
        }
        take_label(&at, len, &t);
    }
    if (!has_jumped)
        c->at = at.at;
    c->is_bad |= at.is_bad;
    if (out)
        out[t.len] = '\0';
}

/* ---- questions ---- */

struct header {
    uint16_t id, flags, qd, an, ns, ar;
};

static struct header take_header(struct cursor *c)
{
    struct header h;

    h.id = take16(c);
    h.flags = take16(c);
    h.qd = take16(c);
    h.an = take16(c);
    h.ns = take16(c);
    h.ar = take16(c);
    return h;
}

struct dns_record {
    uint16_t type, class, len;
    uint32_t ttl;
    size_t ttl_at, data_at;
    bool is_root; /* of the root's name */
};

static struct dns_record take_record(struct cursor *c)
{
    struct dns_record r = {.is_root = c->at < c->n && c->p[c->at] == 0};

    take_name(c, NULL);
    r.type = take16(c);
    r.class = take16(c);
    r.ttl_at = c->at;
    r.ttl = take32(c);
    r.len = take16(c);
    r.data_at = c->at;
    skip(c, r.len);
    return r;
}

static void note_edns(const struct dns_record *r, struct dns_query *out)
{
    out->has_edns = true;
    out->wants_dnssec = (r->ttl & EDNS_DO) != 0;
    if (r->class > DNS_UDP_PLAIN)
        out->udp_size = r->class;
}

int dns_read_query(const uint8_t *p, size_t n, struct dns_query *out)
{
    struct cursor c = {.p = p, .n = n};
    struct header h = take_header(&c);

    memset(out, 0, sizeof(*out));
    out->udp_size = DNS_UDP_PLAIN;
    if (c.is_bad || h.flags & FLAG_QR)
        return -1;
    out->id = h.id;
    out->recursion_desired = (h.flags & FLAG_RD) != 0;
    out->checking_disabled = (h.flags & FLAG_CD) != 0;
    if (h.flags & FLAG_OPCODE)
        return DNS_NOTIMP;
    if (h.qd != 1)
        return DNS_FORMERR;
    take_name(&c, out->name);
    out->type = take16(&c);
    out->class = take16(&c);
    if (c.is_bad)
        return DNS_FORMERR;
    out->question_end = c.at;
    for (unsigned i = 0; i < (unsigned)h.an + h.ns + h.ar; i++) {
        struct dns_record r = take_record(&c);

        if (c.is_bad)
            return DNS_FORMERR;
        if (r.type == DNS_OPT && r.is_root && i >= (unsigned)h.an + h.ns)
            note_edns(&r, out);
    }
    return DNS_NOERROR;
}

/* ---- answers of our own ---- */

struct dns_writer {
    uint8_t *out;
    size_t len, limit;
};

static bool put(struct dns_writer *w, const void *p, size_t n)
{
    if (n > w->limit - w->len)
        return false;
    memcpy(w->out + w->len, p, n);
    w->len += n;
    return true;
}

static void set16(uint8_t *p, uint16_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static void set32(uint8_t *p, uint32_t v)
{
    set16(p, (uint16_t)(v >> 16));
    set16(p + 2, (uint16_t)v);
}

static bool put_record(struct dns_writer *w, uint16_t type, uint32_t ttl, const void *data,
                       size_t n)
{
    uint8_t fixed[12] = {0xc0, DNS_HEADER}; /* the question's name */

    set16(fixed + 2, type);
    set16(fixed + 4, DNS_CLASS_IN);
    set32(fixed + 6, ttl);
    set16(fixed + 10, (uint16_t)n);
    if (sizeof(fixed) + n > w->limit - w->len)
        return false;
    return put(w, fixed, sizeof(fixed)) && put(w, data, n);
}

/* Plain names of ours: letters, digits, '-', '_' and dots. 0 when it is none. */
static size_t encode_name(const char *name, uint8_t out[DNS_WIRE_NAME_MAX])
{
    size_t len = 0;

    while (*name) {
        size_t label = strcspn(name, ".");

        if (!label || label > 63 || len + label + 2 > DNS_WIRE_NAME_MAX)
            return 0;
        out[len++] = (uint8_t)label;
        memcpy(out + len, name, label);
        len += label;
        name += label + (name[label] == '.');
    }
    out[len++] = 0;
    return len;
}

static bool put_answers(struct dns_writer *w, const struct dns_local *l, uint16_t *count)
{
    uint8_t name[DNS_WIRE_NAME_MAX];
    size_t n = l->pointer ? encode_name(l->pointer, name) : 0;

    for (size_t i = 0; i < l->n_addrs; i++) {
        uint8_t addr[4];

        set32(addr, l->addrs[i]);
        if (!put_record(w, DNS_A, l->ttl, addr, sizeof(addr)))
            return false;
        ++*count;
    }
    for (size_t i = 0; i < l->n_addrs6; i++) {
        if (!put_record(w, DNS_AAAA, l->ttl, &l->addrs6[i], sizeof(l->addrs6[i])))
            return false;
        ++*count;
    }
    if (n && !put_record(w, DNS_PTR, l->ttl, name, n))
        return false;
    *count = (uint16_t)(*count + (n > 0));
    return true;
}

size_t dns_write_reply(const uint8_t *query, const struct dns_query *q, const struct dns_local *l,
                       size_t limit, uint8_t *out)
{
    static const uint8_t opt[11] = {0, 0, DNS_OPT, OUR_UDP_SIZE >> 8, OUR_UDP_SIZE & 0xff};
    size_t reserved = q->has_edns ? sizeof(opt) : 0;
    struct dns_writer w = {.out = out, .limit = limit - reserved};
    uint16_t flags = (uint16_t)(FLAG_QR | FLAG_RA | l->rcode), answers = 0;
    uint8_t header[DNS_HEADER] = {0};

    flags |=
        (uint16_t)((q->recursion_desired ? FLAG_RD : 0) | (q->checking_disabled ? FLAG_CD : 0));
    put(&w, header, sizeof(header));
    if (q->question_end && !put(&w, query + DNS_HEADER, q->question_end - DNS_HEADER))
        flags |= FLAG_TC;
    if (q->question_end && !put_answers(&w, l, &answers))
        flags |= FLAG_TC;
    w.limit = limit;
    if (reserved)
        put(&w, opt, sizeof(opt));
    set16(out, q->id);
    set16(out + 2, flags);
    set16(out + 4, w.len > DNS_HEADER && q->question_end ? 1 : 0);
    set16(out + 6, answers);
    set16(out + 10, reserved ? 1 : 0);
    return w.len;
}

/* ---- what others answered ---- */

static bool is_same_question(struct cursor *c, const struct dns_query *q)
{
    char name[DNS_NAME_TEXT];
    uint16_t type, class;

    take_name(c, name);
    type = take16(c);
    class = take16(c);
    return !c->is_bad && type == q->type && class == q->class && !strcmp(name, q->name);
}

/* The last field of a SOA: how long its absence may be remembered (RFC 2308). */
static uint32_t soa_minimum(const struct cursor *whole, const struct dns_record *r)
{
    struct cursor c = {.p = whole->p, .n = r->data_at + r->len, .at = r->data_at};

    take_name(&c, NULL);
    take_name(&c, NULL);
    skip(&c, 16);
    uint32_t minimum = take32(&c);
    return c.is_bad ? 0 : minimum;
}

static uint32_t lower(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

bool dns_read_answer(const uint8_t *p, size_t n, uint16_t id, const struct dns_query *q,
                     struct dns_said *out)
{
    struct cursor c = {.p = p, .n = n};
    struct header h = take_header(&c);
    uint32_t positive = TTL_MAX, negative = TTL_NEGATIVE_MAX;
    bool has_soa = false;

    if (c.is_bad || h.id != id || !(h.flags & FLAG_QR) || h.flags & FLAG_OPCODE || h.qd != 1 ||
        !is_same_question(&c, q))
        return false;
    for (unsigned i = 0; i < (unsigned)h.an + h.ns + h.ar; i++) {
        struct dns_record r = take_record(&c);

        if (c.is_bad) /* a truncated message may end anywhere */
            break;
        if (r.type == DNS_OPT)
            continue;
        positive = lower(positive, r.ttl);
        if (i >= h.an && i < (unsigned)h.an + h.ns && r.type == DNS_SOA) {
            has_soa = true;
            negative = lower(negative, lower(r.ttl, soa_minimum(&c, &r)));
        }
    }
    *out = (struct dns_said){.rcode = h.flags & 0xf, .is_truncated = (h.flags & FLAG_TC) != 0};
    if (c.is_bad)
        return out->is_truncated;
    bool is_positive = out->rcode == DNS_NOERROR && h.an;
    bool is_negative =
        !is_positive && has_soa && (out->rcode == DNS_NXDOMAIN || out->rcode == DNS_NOERROR);
    out->ttl = is_positive ? positive : negative;
    out->is_cacheable = !out->is_truncated && (is_positive || is_negative) && out->ttl;
    return true;
}

/* Lowers the TTLs on its way. False: a name or a record that ends nowhere. */
static bool walk(uint8_t *p, size_t n, uint32_t seconds)
{
    struct cursor c = {.p = p, .n = n};
    struct header h = take_header(&c);

    for (unsigned i = 0; i < h.qd; i++) {
        take_name(&c, NULL);
        skip(&c, 4);
    }
    for (unsigned i = 0; i < (unsigned)h.an + h.ns + h.ar && !c.is_bad; i++) {
        struct dns_record r = take_record(&c);

        if (!c.is_bad && r.type != DNS_OPT && seconds)
            set32(p + r.ttl_at, r.ttl > seconds ? r.ttl - seconds : 0);
    }
    return !c.is_bad;
}

bool dns_age(uint8_t *p, size_t n, uint32_t seconds)
{
    return walk(p, n, seconds) && walk(p, n, 0);
}

size_t dns_truncate(uint8_t *p, size_t n, size_t limit)
{
    struct cursor c = {.p = p, .n = n};
    struct header h = take_header(&c);

    if (n <= limit)
        return n;
    take_name(&c, NULL);
    skip(&c, 4);
    set16(p + 2, h.flags | FLAG_TC);
    memset(p + 6, 0, 6);
    if (!c.is_bad && c.at <= limit)
        return c.at;
    set16(p + 4, 0);
    return DNS_HEADER;
}

void dns_set_id(uint8_t *p, uint16_t id)
{
    set16(p, id);
}

/* ---- to others ---- */

size_t dns_write_query(const struct dns_query *q, const uint8_t *question,
                       uint8_t out[DNS_UPSTREAM_MAX])
{
    uint8_t opt[11] = {0, 0, DNS_OPT, OUR_UDP_SIZE >> 8, OUR_UDP_SIZE & 0xff};
    size_t n = q->question_end;

    memset(out, 0, DNS_HEADER);
    set16(out + 2, (uint16_t)((q->recursion_desired ? FLAG_RD : 0) |
                              (q->checking_disabled ? FLAG_CD : 0) | FLAG_AD));
    set16(out + 4, 1);
    memcpy(out + DNS_HEADER, question, n - DNS_HEADER);
    if (!q->has_edns)
        return n;
    set16(out + 10, 1);
    set32(opt + 5, q->wants_dnssec ? EDNS_DO : 0);
    memcpy(out + n, opt, sizeof(opt));
    return n + sizeof(opt);
}

/* A question of ours has no compressed name: nothing stands before it that could be pointed to. */
void dns_set_case(uint8_t *p, size_t question_end, const uint8_t random[DNS_WIRE_NAME_MAX])
{
    size_t at = DNS_HEADER;

    while (at < question_end && p[at]) {
        size_t end = at + 1 + p[at];

        for (at++; at < end && at < question_end; at++)
            if (isalpha(p[at]))
                p[at] = (uint8_t)(random[at - DNS_HEADER] & 1 ? toupper(p[at]) : tolower(p[at]));
    }
}

bool dns_has_question(const uint8_t *p, size_t n, const uint8_t *sent, size_t question_end)
{
    return n >= question_end &&
           !memcmp(p + DNS_HEADER, sent + DNS_HEADER, question_end - DNS_HEADER);
}

bool dns_reverse_parse(const char *name, uint32_t *out)
{
    static const char suffix[] = ".in-addr.arpa";
    size_t n = strlen(name);
    char text[ADDR4_TEXT];
    uint32_t back;

    if (n < sizeof(suffix) || strcmp(name + n - (sizeof(suffix) - 1), suffix) != 0)
        return false;
    n -= sizeof(suffix) - 1;
    if (n >= sizeof(text))
        return false;
    memcpy(text, name, n);
    text[n] = '\0';
    if (!addr4_parse(text, &back))
        return false;
    *out = __builtin_bswap32(back);
    return true;
}

bool dns_reverse_parse6(const char *name, struct in6_addr *out)
{
    static const char suffix[] = "ip6.arpa";
    struct in6_addr addr = {0};

    if (strlen(name) != 64 + sizeof(suffix) - 1 || strcmp(name + 64, suffix) != 0)
        return false;
    for (int i = 0; i < 32; i++) { /* the lowest comes first; names are in lower case */
        int v = text_hex_value(name[2 * i]);

        if (v < 0 || name[2 * i + 1] != '.')
            return false;
        addr.s6_addr[15 - i / 2] |= (uint8_t)(i % 2 ? v << 4 : v);
    }
    *out = addr;
    return true;
}
