/* SPDX-License-Identifier: Apache-2.0 */
/* The walk and the checks of nl_attr.h. Pure. */
#include "nl_attr.h"

#include <endian.h>
#include <string.h>

#include "base/err.h"

const void *nl_header(const struct nlmsghdr *m, size_t size)
{
    return m->nlmsg_len >= NLMSG_HDRLEN + size ? (const char *)m + NLMSG_HDRLEN : NULL;
}

struct nl_bytes nl_attributes(const struct nlmsghdr *m, size_t header)
{
    size_t skip = NLMSG_HDRLEN + NLMSG_ALIGN(header);

    if (m->nlmsg_len <= skip)
        return (struct nl_bytes){0};
    return (struct nl_bytes){(const char *)m + skip, m->nlmsg_len - skip};
}

bool nl_next(struct nl_bytes *left, int *out_type, struct nl_bytes *out)
{
    const struct nlattr *attr = left->at;
    size_t step;

    if (left->len < NLA_HDRLEN || attr->nla_len < NLA_HDRLEN || attr->nla_len > left->len)
        return false;
    *out_type = attr->nla_type & NLA_TYPE_MASK;
    *out = (struct nl_bytes){(const char *)attr + NLA_HDRLEN, attr->nla_len - NLA_HDRLEN};
    step = NLA_ALIGN(attr->nla_len);
    if (step > left->len) /* the last one's padding may be missing */
        step = left->len;
    *left = (struct nl_bytes){(const char *)attr + step, left->len - step};
    return true;
}

static bool is_text(struct nl_bytes b)
{
    return b.len && ((const char *)b.at)[b.len - 1] == '\0';
}

static bool fits(const struct nl_field *f, struct nl_bytes b)
{
    switch (f->kind) {
    case NL_U32:
    case NL_BE32:
        return b.len == sizeof(uint32_t);
    case NL_BE64:
        return b.len == sizeof(uint64_t);
    case NL_TEXT:
        return is_text(b);
    case NL_BYTES:
        return !f->size || b.len == f->size;
    case NL_NEST:
        return true;
    }
    ASSERT(!"a kind of attribute");
    return false;
}

static void take(const struct nl_field *f, struct nl_bytes b, void *out)
{
    char *to = (char *)out + f->offset;
    const char *text = b.at;
    uint32_t u32;
    uint64_t u64;

    switch (f->kind) {
    case NL_U32:
        memcpy(to, b.at, sizeof(u32));
        break;
    case NL_BE32:
        memcpy(&u32, b.at, sizeof(u32));
        u32 = be32toh(u32);
        memcpy(to, &u32, sizeof(u32));
        break;
    case NL_BE64:
        memcpy(&u64, b.at, sizeof(u64));
        u64 = be64toh(u64);
        memcpy(to, &u64, sizeof(u64));
        break;
    case NL_TEXT:
        memcpy(to, &text, sizeof(text));
        break;
    case NL_BYTES:
        memcpy(to, &b, sizeof(b));
        break;
    case NL_NEST:
        nl_fill(b, f->nest, out);
        break;
    }
}

void nl_fill(struct nl_bytes attributes, const struct nl_field *fields, void *out)
{
    struct nl_bytes payload;
    int type;

    while (nl_next(&attributes, &type, &payload))
        for (const struct nl_field *f = fields; f->kind; f++)
            if (f->type == type && fits(f, payload))
                take(f, payload, out);
}
