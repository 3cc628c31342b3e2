/* SPDX-License-Identifier: Apache-2.0 */
/*
 * System calls by number: the ones libseccomp does not know yet, and what happens to those
 * that the profile's author did not know yet. Pure, any thread.
 *
 * A call newer than everything a profile names answers ENOSYS, not EPERM: the author
 * decided nothing about it, and only ENOSYS makes a libc fall back to the older way. A few
 * instructions in front of libseccomp's say so. Trap: x32 marks its numbers with a bit that
 * makes them look new; they, and a tracer's -1, go on to the real filter.
 */
#include "syscall_filter.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stddef.h>
#include <string.h>

#define X32_BIT 0x40000000u

/* From 424 on all architectures share the numbers. */
static const struct {
    const char *name;
    int number;
} newer_calls[] = {
    {"set_mempolicy_home_node", 450},
    {"cachestat", 451},
    {"fchmodat2", 452},
    {"map_shadow_stack", 453},
    {"futex_wake", 454},
    {"futex_wait", 455},
    {"futex_requeue", 456},
    {"statmount", 457},
    {"listmount", 458},
    {"lsm_get_self_attr", 459},
    {"lsm_set_self_attr", 460},
    {"lsm_list_modules", 461},
    {"mseal", 462},
    {"setxattrat", 463},
    {"getxattrat", 464},
    {"listxattrat", 465},
    {"removexattrat", 466},
    {"open_tree_attr", 467},
};

int syscall_filter_newer_call(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(newer_calls); i++)
        if (strcmp(newer_calls[i].name, name) == 0)
            return newer_calls[i].number;
    return __NR_SCMP_ERROR;
}

/* -1 when the profile names no call of that architecture. What libseccomp does not know can only be
 * allowed natively; elsewhere it answers ENOSYS like what nobody knows. */
static int newest_number(const struct syscall_filter_profile *p, uint32_t arch)
{
    int newest = -1;

    for (size_t i = 0; i < p->n_rules; i++)
        for (const char *const *name = p->rules[i].names; *name; name++) {
            int number = seccomp_syscall_resolve_name_arch(arch, *name);

            if (number == __NR_SCMP_ERROR && arch == seccomp_arch_native())
                number = syscall_filter_newer_call(*name);
            if (number > newest) /* pseudo numbers are below -1 */
                newest = number;
        }
    return newest;
}

static void add_arch(struct syscall_filter_prefix *out, const struct syscall_filter_profile *p,
                     uint32_t arch)
{
    int newest = newest_number(p, arch);

    if (arch == SCMP_ARCH_X32 || newest < 0 || (unsigned)newest >= X32_BIT ||
        out->n_arches == SYSCALL_FILTER_PREFIX_ARCHES)
        return;
    out->arches[out->n_arches].token = arch;
    out->arches[out->n_arches++].newest = (uint32_t)newest;
}

/* Of another architecture: the whole block is jumped over. */
static void write_code(struct syscall_filter_prefix *out)
{
    struct sock_filter *code = out->code;
    size_t n = 0, refuse = 2 + 4 * out->n_arches, end = refuse + 1;

    code[n++] =
        (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch));
    for (size_t i = 0; i < out->n_arches; i++) {
        code[n++] =
            (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, out->arches[i].token, 0, 3);
        code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
                                                 offsetof(struct seccomp_data, nr));
        code[n] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, X32_BIT,
                                               (uint8_t)(end - n - 1), 0);
        n++;
        code[n] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, out->arches[i].newest,
                                               (uint8_t)(refuse - n - 1), (uint8_t)(end - n - 1));
        n++;
    }
    code[n++] = (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, 1);
    code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS);
    out->n_code = n;
}

void syscall_filter_prefix_make(const struct syscall_filter_profile *p, const char *const *subs,
                                struct syscall_filter_prefix *out)
{
    *out = (struct syscall_filter_prefix){0};
    if ((p->default_action & SECCOMP_RET_ACTION_FULL) != SECCOMP_RET_ERRNO)
        return; /* allowing, logging or killing was asked for, of every call */
    add_arch(out, p, seccomp_arch_native());
    for (; *subs; subs++) {
        uint32_t arch = seccomp_arch_resolve_name(*subs);

        if (arch && arch != seccomp_arch_native())
            add_arch(out, p, arch);
    }
    if (out->n_arches)
        write_code(out);
}
