/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading the attributes of a netlink message: the one place that believes no length. What a
 * caller wants of a message is a table of fields, each with its type; an attribute that is not of
 * its field's type or length, or not wholly inside what surrounds it, is as if it were not there.
 * libmnl's own walks go up to three bytes behind a message whose length is no multiple of four.
 * Pure.
 */
#pragma once

#include <linux/netlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum nl_kind {
    NL_U32 = 1, /* uint32_t, as it came */
    NL_BE32,    /* uint32_t, big-endian in the message */
    NL_BE64,    /* uint64_t, big-endian in the message */
    NL_TEXT,    /* const char *, ends with a NUL */
    NL_BYTES,   /* struct nl_bytes, of `size` bytes when that is not 0 */
    NL_NEST,    /* its attributes are fields of the same struct, by the table `nest` */
};

struct nl_bytes { /* at is NULL when the attribute is missing */
    const void *at;
    size_t len;
};

/* Tables end with {0}. */
struct nl_field {
    int type;
    enum nl_kind kind;
    size_t offset; /* in the struct that is filled */
    size_t size;
    const struct nl_field *nest;
};

/* The message's own header, or NULL when the message is shorter than that. */
const void *nl_header(const struct nlmsghdr *m, size_t size);
/* What stands behind a header of this size. */
struct nl_bytes nl_attributes(const struct nlmsghdr *m, size_t header);
/* Fills the fields of out that are there; of several attributes of one type the last counts. Texts
 * and bytes stay in the message. */
void nl_fill(struct nl_bytes attributes, const struct nl_field *fields, void *out);
/* For lists: takes the first attribute off *left. False: there is none (or nothing that is one). */
bool nl_next(struct nl_bytes *left, int *out_type, struct nl_bytes *out);
