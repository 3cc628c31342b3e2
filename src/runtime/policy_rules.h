/* SPDX-License-Identifier: Apache-2.0 */
/* A policy in memory, for who reads it and who judges by it. */
#pragma once

#include "runtime/policy.h"

struct policy_user {
    bool is_group;
    uint32_t from, to;
};
struct policy_users { /* v NULL: everybody */
    struct policy_user *v;
    size_t n;
};
struct policy_clause {
    bool has[POLICY_KINDS];
    struct strs lists[POLICY_KINDS]; /* but for capabilities */
    uint64_t capabilities;
    enum risk_severity severity; /* and above; RISK_NOTE: none */
};
struct policy_rule {
    char *name;
    struct policy_users users, except;
    struct policy_clause deny, allow;
};
struct policy {
    struct arena *arena;
    size_t refs;
    struct policy_rule *rules;
    size_t n_rules;
};

struct policy_kind_row {
    const char *key;     /* in the file */
    const char *subject; /* in sentences: "the image" */
    bool may_be_allowed;
};
extern const struct policy_kind_row policy_kinds[POLICY_KINDS];
