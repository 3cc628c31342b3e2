/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Seccomp profiles and the BPF made from them. syscall_filter_open keeps a cache behind the
 * folder's only lock (see syscall_filter_build.c). Any thread that may block.
 */
#pragma once

#include "base/text.h"

#include <linux/filter.h>

struct syscall_filter_arg {
    unsigned index;
    int op; /* enum scmp_compare */
    uint64_t value, value_two;
};

struct syscall_filter_when {        /* zero: always */
    uint64_t caps;                  /* includes: all of them; excludes: any of them */
    const char *const *arches;      /* NULL-terminated, Go's names: "amd64" */
    int kernel_major, kernel_minor; /* includes only: at least this one */
};

struct syscall_filter_rule {
    const char *const *names; /* NULL-terminated */
    uint32_t action;          /* SCMP_ACT_* with the errno in it */
    const struct syscall_filter_arg *args;
    size_t n_args;
    struct syscall_filter_when includes, excludes;
};

struct syscall_filter_profile {
    uint32_t default_action;
    const char *const *arches; /* NULL-terminated libseccomp names; NULL: native and its
                                  sub-architectures */
    const struct syscall_filter_rule *rules;
    size_t n_rules;
    unsigned flags; /* SECCOMP_FILTER_FLAG_* for the load */
};

extern const struct syscall_filter_profile syscall_filter_default; /* Docker's */

/* A user's profile, Docker's format. Bounded; ERR_INVALID says what is wrong. */
struct err *syscall_filter_parse(struct arena *a, const char *json,
                                 struct syscall_filter_profile *out) must_check;

/* Instructions in front of a filter: calls newer than all the profile names are ENOSYS. */
enum { SYSCALL_FILTER_PREFIX_ARCHES = 8 };
struct syscall_filter_prefix {
    struct {
        uint32_t token, newest;
    } arches[SYSCALL_FILTER_PREFIX_ARCHES];
    size_t n_arches, n_code;
    struct sock_filter code[3 + 4 * SYSCALL_FILTER_PREFIX_ARCHES];
};
/* subs: NULL-terminated libseccomp names. Nothing when the profile does not refuse by errno. */
void syscall_filter_prefix_make(const struct syscall_filter_profile *p, const char *const *subs,
                                struct syscall_filter_prefix *out);
int syscall_filter_newer_call(const char *name); /* what libseccomp may not know, __NR_SCMP_ERROR */

/* What libseccomp makes of a profile, behind the prefix, in the arena. */
struct err *syscall_filter_make(struct arena *a, const struct syscall_filter_profile *profile,
                                uint64_t caps, struct sock_filter **out, size_t *out_n) must_check;
/* The same filter in fewer instructions, in the arena. false: it is not understood or would not be
 * shorter. The program is one that the kernel would take. */
bool syscall_filter_shorten(struct arena *a, const struct sock_filter *code, size_t n,
                            struct sock_filter **out, size_t *out_n);

/* Whether a rule of a profile applies to this capability set on this machine. Pure. */
bool syscall_filter_rule_applies(const struct syscall_filter_rule *r, uint64_t caps,
                                 const char *arch, int kernel_major, int kernel_minor);

const char *syscall_filter_native_arch(void); /* Go's name; "" where it has none */

/* A memfd of struct sock_filter[] of the caller's own. json NULL: the default profile. */
struct err *syscall_filter_open(struct arena *a, const char *json, uint64_t caps, int *out_fd,
                                unsigned *out_flags) must_check;
