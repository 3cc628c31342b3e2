/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The policy: which callers may ask for what. A file of rules (docs/SECURITY.md, "Policy"), read
 * whole and exactly, never changed afterwards. Pure; policy_parse looks users and groups up, so it
 * belongs to start-up and workers.
 */
#pragma once

#include "runtime/risk.h"

#include <sys/types.h>

#define POLICY_BYTES_MAX (256u << 10)
#define POLICY_RULES_MAX 256
#define POLICY_ENTRIES_MAX 1024 /* of a list */

enum policy_kind {
    POLICY_CAPABILITIES,
    POLICY_COMMANDS,
    POLICY_DEVICES,
    POLICY_IMAGES,
    POLICY_MOUNTS,
    POLICY_NETWORKS,
    POLICY_RISKS,
    POLICY_USERNS,
    POLICY_KINDS,
};

struct policy_caller { /* by the socket's peer */
    uid_t uid;
    gid_t gid;
    const gid_t *groups;
    size_t n_groups;
};

/* What is asked for, or as much of it as is known yet: lists that are empty are not judged. */
struct policy_case {
    struct strs items[POLICY_KINDS]; /* but for capabilities and risks */
    uint64_t capabilities;           /* what it will have */
    const struct risk_findings *risks;
};

struct policy;
/* ERR_INVALID names the place: "line 7: rules[0].deny.risks[2]: …". */
struct err *policy_parse(const char *text, size_t len, struct policy **out) must_check;
/* Of a file that only root may write. */
struct err *policy_read(const char *path, struct policy **out) must_check;
void policy_unref(struct policy *p); /* loop thread; accepts NULL */
size_t policy_count_rules(const struct policy *p);
/* The first denied command that meets none of the known ones; NULL: all do. */
const char *policy_find_unknown_command(const struct policy *p, const struct strs *known);
/* Some rule is for this caller: else nothing needs to be looked at. p may be NULL. */
bool policy_applies(const struct policy *p, const struct policy_caller *who);
/* ERR_FORBIDDEN with the rule's name and what it forbids. Any thread. */
struct err *policy_check(const struct policy *p, const struct policy_caller *who, struct arena *a,
                         const struct policy_case *c) must_check;

/* One caller under one policy, for operations: create judges as it learns. */
struct permit {
    struct policy *policy;
    struct policy_caller who;
};

/* With a reference to the policy, which goes with policy_unref. */
struct permit permit_copy(struct arena *a, const struct permit *p);

struct exec_config;
struct host_config;
/* What an exec has beyond its container. */
void policy_case_exec(const struct exec_config *x, struct policy_case *out);
/* Devices, user namespace and capabilities of a configuration, as they were asked for. */
void policy_case_config(struct arena *a, const struct host_config *h, struct policy_case *out);
/* Worker: the sources of mounts, as asked for and as risks_of_sources has found them, and the
 * devices as they resolve. */
void policy_case_sources(struct arena *a, const struct risk_sources *sources,
                         const struct host_config *h, struct policy_case *out);
