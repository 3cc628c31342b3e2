/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Profile → BPF in a sealed memfd, by libseccomp, kept by (profile, capabilities):
 * exporting takes 7–17 ms, a launch must not. Workers.
 *
 * The cache is the folder's one piece of shared state and its mutex the one lock: it
 * belongs to no object, every worker asks it, and whoever meets an unbuilt filter
 * waits for it to be built once instead of building it again. Callers get a file
 * description of their own (offset!), never a dup.
 *
 * libseccomp may be older than the kernel and not know new system calls by name
 * (syscall_filter_calls.c does), so the native half of the filter is built apart (raw numbers
 * would be refused for the 32-bit halves) and merged.
 */
#include "syscall_filter.h"

#include "base/digest.h"
#include "base/fd.h"

#include "caps.h"
#include "program_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/utsname.h>

#define CACHE_ENTRIES 32
#define FILTER_BYTES_MAX (1 << 20)

static const struct {
    uint32_t token;
    const char *go_name;
    const char *subs[3];
} machines[] = {
    {SCMP_ARCH_X86_64, "amd64", {"x86", "x32"}},
    {SCMP_ARCH_X86, "x86", {NULL}},
    {SCMP_ARCH_AARCH64, "arm64", {"arm"}},
    {SCMP_ARCH_ARM, "arm", {NULL}},
    {SCMP_ARCH_PPC64LE, "ppc64le", {NULL}},
    {SCMP_ARCH_RISCV64, "riscv64", {NULL}},
    {SCMP_ARCH_S390X, "s390x", {"s390"}},
    {SCMP_ARCH_MIPS64, "mips64", {"mips", "mips64n32"}},
    {SCMP_ARCH_MIPSEL64, "mips64le", {"mipsel", "mipsel64n32"}},
};

struct cached_filter {
    char digest[DIGEST_MAX];
    uint64_t caps;
    uint64_t last_use;
    int fd; /* 0: free */
    unsigned flags;
};

static pthread_mutex_t cache_lock = PTHREAD_MUTEX_INITIALIZER;
static struct cached_filter cache[CACHE_ENTRIES];
static uint64_t cache_clock;

/* Go's name. */
const char *syscall_filter_native_arch(void)
{
    for (size_t i = 0; i < ARRAY_LEN(machines); i++)
        if (machines[i].token == seccomp_arch_native())
            return machines[i].go_name;
    return "unknown";
}

static const char *const *native_subs(void)
{
    static const char *const none[] = {NULL};

    for (size_t i = 0; i < ARRAY_LEN(machines); i++)
        if (machines[i].token == seccomp_arch_native())
            return machines[i].subs;
    return none;
}

static const char *const *sub_arches(const struct syscall_filter_profile *p)
{
    return p->arches ? p->arches : native_subs();
}

static bool names_arch(const char *const *list, const char *arch)
{
    for (; *list; list++)
        if (strcmp(*list, arch) == 0)
            return true;
    return false;
}

bool syscall_filter_rule_applies(const struct syscall_filter_rule *r, uint64_t caps,
                                 const char *arch, int kernel_major, int kernel_minor)
{
    const struct syscall_filter_when *in = &r->includes, *ex = &r->excludes;

    if ((in->caps & ~caps) || (ex->caps & caps))
        return false;
    if (in->arches && !names_arch(in->arches, arch))
        return false;
    if (ex->arches && names_arch(ex->arches, arch))
        return false;
    if (kernel_major != in->kernel_major)
        return kernel_major > in->kernel_major;
    return kernel_minor >= in->kernel_minor;
}

static int call_number(const char *name, bool is_native)
{
    int number = seccomp_syscall_resolve_name(name);

    return number == __NR_SCMP_ERROR && is_native ? syscall_filter_newer_call(name) : number;
}

static bool repeats_index(const struct syscall_filter_rule *r)
{
    unsigned seen = 0;

    for (size_t i = 0; i < r->n_args; i++) {
        if (seen & 1u << r->args[i].index)
            return true;
        seen |= 1u << r->args[i].index;
    }
    return false;
}

/* Conditions on different arguments must all hold; several on one argument are
 * alternatives (libseccomp cannot say both, and runc reads profiles this way). */
static int add_call(scmp_filter_ctx ctx, const struct syscall_filter_rule *r, int number)
{
    struct scmp_arg_cmp cmp[6];
    int rc = 0;

    for (size_t i = 0; i < r->n_args; i++)
        cmp[i] = (struct scmp_arg_cmp){
            .arg = r->args[i].index,
            .op = (enum scmp_compare)r->args[i].op,
            .datum_a = r->args[i].value,
            .datum_b = r->args[i].value_two,
        };
    if (!repeats_index(r))
        return seccomp_rule_add_array(ctx, r->action, number, (unsigned)r->n_args, cmp);
    for (size_t i = 0; i < r->n_args && (rc == 0 || rc == -EEXIST); i++)
        rc = seccomp_rule_add_array(ctx, r->action, number, 1, &cmp[i]);
    return rc;
}

struct selection {
    const struct syscall_filter_profile *profile;
    uint64_t caps;
    int major, minor;
};

static struct err *add_rules(scmp_filter_ctx ctx, const struct selection *s, bool is_native)
{
    for (size_t i = 0; i < s->profile->n_rules; i++) {
        const struct syscall_filter_rule *r = &s->profile->rules[i];

        if (r->action == s->profile->default_action ||
            !syscall_filter_rule_applies(r, s->caps, syscall_filter_native_arch(), s->major,
                                         s->minor))
            continue;
        for (const char *const *name = r->names; *name; name++) {
            int number = call_number(*name, is_native);
            int rc = number == __NR_SCMP_ERROR ? 0 : add_call(ctx, r, number);

            if (rc < 0 && rc != -EEXIST)
                return err_sysno(-rc, "add a seccomp rule for %s", *name);
        }
    }
    return NULL;
}

static void auto_ctx(scmp_filter_ctx *ctx)
{
    if (*ctx)
        seccomp_release(*ctx);
}
#define autoctx __attribute__((cleanup(auto_ctx)))

static struct err *set_attributes(scmp_filter_ctx ctx)
{
    int rc = ctx ? seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS) : -ENOMEM;

    if (rc == 0)
        rc = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    return rc ? err_sysno(-rc, "prepare a seccomp filter") : NULL;
}

/* The filter of the other architectures a process here may switch to; *out stays
 * NULL when there are none. */
static struct err *build_subs(const struct selection *s, scmp_filter_ctx *out)
{
    const char *const *arches = sub_arches(s->profile);
    autoctx scmp_filter_ctx ctx = seccomp_init(s->profile->default_action);
    size_t n = 0;

    TRY(set_attributes(ctx));
    for (; *arches; arches++) {
        uint32_t token = seccomp_arch_resolve_name(*arches);
        int rc = token == seccomp_arch_native() ? -EEXIST : seccomp_arch_add(ctx, token);

        if (rc < 0 && rc != -EEXIST)
            return err_sysno(-rc, "add architecture %s to a seccomp filter", *arches);
        n += rc == 0;
    }
    if (n == 0)
        return NULL;
    seccomp_arch_remove(ctx, SCMP_ARCH_NATIVE);
    TRY(add_rules(ctx, s, false));
    *out = ctx;
    ctx = NULL;
    return NULL;
}

static struct err *write_sealed(const struct sock_filter *code, size_t n, int *out_fd)
{
    autoclose int fd = memfd_create("seccomp", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    if (fd < 0)
        return err_sys("make memory for a seccomp filter");
    TRY(fd_write_all(fd, code, n * sizeof(*code)));
    if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) < 0)
        return err_sys("seal a seccomp filter");
    *out_fd = steal_fd(&fd);
    return NULL;
}

/* libseccomp exports to a file only. */
static struct err *export(struct arena *a, scmp_filter_ctx ctx,
                          const struct syscall_filter_prefix *prefix, struct sock_filter **out,
                          size_t *out_n)
{
    autoclose int fd = memfd_create("seccomp", MFD_CLOEXEC);
    char *code;
    size_t size;
    int rc;

    if (fd < 0)
        return err_sys("make memory for a seccomp filter");
    TRY(fd_write_all(fd, prefix->code, prefix->n_code * sizeof(*prefix->code)));
    rc = seccomp_export_bpf(ctx, fd);
    if (rc < 0)
        return err_sysno(-rc, "compile a seccomp filter");
    if (lseek(fd, 0, SEEK_SET) < 0)
        return err_sys("read a seccomp filter");
    TRY(file_read_fd(a, fd, FILTER_BYTES_MAX, &code, &size));
    *out = arena_memdup(a, code, size);
    *out_n = size / sizeof(**out);
    return NULL;
}

struct err *syscall_filter_make(struct arena *a, const struct syscall_filter_profile *profile,
                                uint64_t caps, struct sock_filter **out, size_t *out_n)
{
    struct selection s = {.profile = profile, .caps = caps};
    autoctx scmp_filter_ctx ctx = seccomp_init(profile->default_action);
    autoctx scmp_filter_ctx subs = NULL;
    struct syscall_filter_prefix prefix;
    struct utsname un;

    if (uname(&un) == 0)
        (void)!sscanf(un.release, "%d.%d", &s.major, &s.minor);
    TRY(set_attributes(ctx));
    TRY(add_rules(ctx, &s, true));
    TRY(build_subs(&s, &subs));
    if (subs) {
        int rc = seccomp_merge(ctx, subs);

        if (rc < 0)
            return err_sysno(-rc, "merge seccomp filters");
        subs = NULL; /* released by the merge */
    }
    syscall_filter_prefix_make(profile, sub_arches(profile), &prefix);
    return export(a, ctx, &prefix, out, out_n);
}

static struct err *build(const struct syscall_filter_profile *profile, uint64_t caps, int *out_fd)
{
    autoarena struct arena *a = arena_create();
    struct sock_filter *code;
    size_t n;

    TRY(syscall_filter_make(a, profile, caps, &code, &n));
    syscall_filter_shorten(a, code, n, &code, &n);
    return write_sealed(code, n, out_fd);
}

static struct cached_filter *look_up(const char *digest, uint64_t caps)
{
    for (size_t i = 0; i < CACHE_ENTRIES; i++)
        if (cache[i].fd && cache[i].caps == caps && strcmp(cache[i].digest, digest) == 0)
            return &cache[i];
    return NULL;
}

static struct cached_filter *replace_oldest(void)
{
    struct cached_filter *oldest = &cache[0];

    for (size_t i = 1; i < CACHE_ENTRIES; i++)
        if (cache[i].last_use < oldest->last_use)
            oldest = &cache[i];
    if (oldest->fd)
        close(oldest->fd);
    *oldest = (struct cached_filter){0};
    return oldest;
}

static struct err *fetch(struct arena *a, const char *json, const char *digest, uint64_t caps,
                         struct cached_filter **out)
{
    struct syscall_filter_profile parsed;
    const struct syscall_filter_profile *profile = &syscall_filter_default;
    struct cached_filter *e = look_up(digest, caps);
    int fd;

    if (!e) {
        if (json)
            TRY(syscall_filter_parse(a, json, &parsed));
        if (json)
            profile = &parsed;
        TRY(build(profile, caps, &fd));
        e = replace_oldest();
        e->fd = fd;
        e->caps = caps;
        e->flags = profile->flags;
        memcpy(e->digest, digest, strlen(digest) + 1);
    }
    e->last_use = ++cache_clock;
    *out = e;
    return NULL;
}

struct err *syscall_filter_open(struct arena *a, const char *json, uint64_t caps, int *out_fd,
                                unsigned *out_flags)
{
    char digest[DIGEST_MAX] = "default", path[40];
    struct cached_filter *e = NULL;
    struct err *err;
    int fd = -1;

    if (json)
        digest_of(json, strlen(json), digest);
    pthread_mutex_lock(&cache_lock);
    err = fetch(a, json, digest, caps, &e);
    if (!err) {
        snprintf(path, sizeof(path), "/proc/self/fd/%d", e->fd);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
            err = err_sys("open a seccomp filter");
        else
            *out_flags = e->flags;
    }
    pthread_mutex_unlock(&cache_lock);
    if (!err)
        *out_fd = fd;
    return err;
}
