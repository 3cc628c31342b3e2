/* SPDX-License-Identifier: Apache-2.0 */
/* The files bound over /etc: hostname, hosts, resolv.conf. Planned on the loop, made on a worker.
 */
#pragma once

#include "base/text.h"

#define ETC_FILES 3

struct container;
struct hosts_entry;
struct mount_as;
struct mount_point;
struct sandbox_mount;

struct etc_files {
    const char *hostname; /* text; NULL: the host's own or another container's */
    const char *hosts;
    struct strs dns, search, options;
    bool strip_loopback, is_host; /* host network: the host's files */
    bool has_resolver;            /* of the engine, at 127.0.0.11 */
    bool has_ipv6;                /* some network of it has */
    bool is_readonly;             /* for the container */
    const char *other_dir;        /* container:ID: that container's files */
};

void etc_files_plan(struct arena *a, const struct container *c, struct etc_files *out);
/* Writes and opens them as mounts, except where the user mounts something there. */
struct err *etc_files_open(struct arena *a, const char *dir, const struct etc_files *f,
                           const struct mount_point *mounts, size_t n_mounts,
                           const struct mount_as *as, struct sandbox_mount *out, size_t *n)
    must_check;
/* The same with what an earlier start has left, as it is. */
struct err *etc_files_open_again(struct arena *a, const char *dir, const struct mount_point *mounts,
                                 size_t n_mounts, struct sandbox_mount *out, size_t *n) must_check;
/* Into the files that are bound already: same inode. Workers. */
struct err *etc_files_update_hosts(struct arena *a, const char *dir, const struct hosts_entry *v,
                                   size_t n) must_check;
struct err *etc_files_write_resolv(struct arena *a, const char *dir, const struct etc_files *f)
    must_check;
