/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "place/dns.h"
#include "place/files.h"
#include "runtime/sandbox.h"
#include "storage/rootfs.h"

struct container;
struct endpoint_spec;
struct mount_point;
struct parts;
struct ports;

#define LED_TO_MAX 4096 /* PATH_MAX */

/* Of a bind of a file. */
struct file_id {
    int64_t dev, ino;
    char led_to[LED_TO_MAX]; /* "": not known */
};

/* What the worker of a start reads and fills: copied from the container, or immutable meanwhile. */
struct prep {
    struct parts *parts; /* mechanisms only */
    const char *id, *cgroup, *dir;
    const struct id_map *ids; /* of its user namespace; NULL: the host's */
    struct mount_as as;       /* while it is prepared: the owners and the label that mounts get */
    struct id_shift owners;
    const char *label; /* of its processes, of SELinux; NULL: none */
    bool relabels;     /* binds and volumes: a start does */
    const struct config *config;
    const struct host_config *host;
    struct strs chain;
    const struct mount_point *mounts;
    struct pairs *volume_options; /* per mount */
    struct strs *image_chains;    /* per mount */
    struct file_id *file_ids;     /* per mount, filled */
    size_t n_mounts;
    struct endpoint_spec *specs;
    size_t n_specs;
    struct ports *ports;
    struct dns_start dns;
    struct sandbox_namespaces ns;
    struct etc_files files;
    struct launch launch;
    bool has_other_owners; /* somebody has its root open with the ids of another user namespace */
    int lent_root;         /* by who has it open (root_gate_borrow); -1: it is mounted */
};

/* What is mounted: copied, or immutable in a container. Loop thread. ERR_NOT_FOUND: its image is
 * gone. */
struct err *prep_plan_root(struct arena *a, struct container *c, struct prep *p) must_check;
/* Mounts the root file system, or takes what was lent. Worker. */
struct err *prep_mount_root(struct prep *p, int *out) must_check;
/* The user's mounts, in the order of their targets. Of a container that is only looked at
 * (`for_view`) a tmpfs takes nothing: it begins empty at each start. Worker. */
struct err *prep_open_mounts(struct arena *a, const struct prep *p, bool for_view,
                             struct sandbox_mount *out, size_t *n) must_check;

/* What a bind is to be opened with; as: of the container, without NULL. `relabels`: where the mount
 * says so. */
struct bind_options_plan prep_bind_plan(struct arena *a, const struct mount_point *m,
                                        const struct mount_as *as, bool relabels);
/* Fills p->launch, which the caller closes in any case. Takes the fds of p->ns when it comes as far
 * as the setup program; else they stay the caller's. Worker, blocks. */
struct err *prep_make(struct arena *a, struct prep *p) must_check;
void prep_discard(struct prep *p); /* worker: what prep_make made, after a failure further on */
