/* SPDX-License-Identifier: Apache-2.0 */
/* The text of a container's /etc/hosts and /etc/resolv.conf. Pure. */
#pragma once

#include "base/text.h"

struct hosts_entry {
    const char *addr;
    const char *names; /* "alias1 alias2" */
};
/* Docker's order: localhost lines, own address with hostname[.domain] hostname, extra hosts. */
char *hosts_text(struct arena *a, const struct hosts_entry *own, size_t n_own,
                 const struct hosts_entry *extra, size_t n_extra);
/* Entries whose names stand there get the new address; the others are added. The text may be
 * anything: the container writes to it. */
char *hosts_update(struct arena *a, const char *text, size_t len, const struct hosts_entry *v,
                   size_t n, size_t *out_len);
/* "name:addr" or "name=addr" of --add-host; host-gateway becomes `gateway`. */
struct err *hosts_parse_extra(struct arena *a, const char *s, const char *gateway,
                              struct hosts_entry *out) must_check;

struct resolv_options {
    const struct strs *dns, *search, *options; /* of the container or the engine; may be NULL */
    bool strip_loopback;                       /* bridge networks */
    bool has_ipv6;     /* else the host's IPv6 servers cannot be reached, and are left out */
    bool has_resolver; /* networks of users: the engine's at 127.0.0.11; dns is what that asks */
};
/* From the host's file: default bridge strips loopback servers and falls back to 8.8.8.8 and
 * 8.8.4.4 (and their IPv6 addresses); the comment says where it comes from. */
char *resolv_text(struct arena *a, const char *host_text, const struct resolv_options *o);
