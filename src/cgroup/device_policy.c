/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The device policy on cgroup v2: a BPF program over (type, access, major, minor)
 * that we assemble here. Rules are tested last to first, so that the last matching rule
 * decides, as a list written to v1 would; an 'a' rule ends the program. Several programs
 * on the path from the root must all allow, so ours can only narrow. Verifying and compiling
 * one costs more than all the rest of a create, and nearly all containers have the same
 * rules: the last program is kept.
 */
#include "device_policy.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>

#include "cgroup_tree.h"

#define INSN(c, d, s, o, i)                                                                        \
    ((struct bpf_insn){.code = (c), .dst_reg = (d), .src_reg = (s), .off = (o), .imm = (i)})
enum { R_RESULT = 0, R_CTX = 1, R_TYPE = 2, R_ACCESS = 3, R_MAJOR = 4, R_MINOR = 5, R_TMP = 6 };

static void emit(struct device_program *p, struct bpf_insn insn)
{
    ASSERT(p->n < ARRAY_LEN(p->insns));
    p->insns[p->n++] = insn;
}

static void emit_load(struct device_program *p)
{
    const int type_at = offsetof(struct bpf_cgroup_dev_ctx, access_type);

    emit(p, INSN(BPF_LDX | BPF_MEM | BPF_W, R_TYPE, R_CTX, type_at, 0));
    emit(p, INSN(BPF_ALU | BPF_MOV | BPF_X, R_ACCESS, R_TYPE, 0, 0));
    emit(p, INSN(BPF_ALU | BPF_AND | BPF_K, R_TYPE, 0, 0, 0xffff));
    emit(p, INSN(BPF_ALU | BPF_RSH | BPF_K, R_ACCESS, 0, 0, 16));
    emit(p, INSN(BPF_LDX | BPF_MEM | BPF_W, R_MAJOR, R_CTX,
                 offsetof(struct bpf_cgroup_dev_ctx, major), 0));
    emit(p, INSN(BPF_LDX | BPF_MEM | BPF_W, R_MINOR, R_CTX,
                 offsetof(struct bpf_cgroup_dev_ctx, minor), 0));
}

static void emit_verdict(struct device_program *p, bool allow)
{
    emit(p, INSN(BPF_ALU | BPF_MOV | BPF_K, R_RESULT, 0, 0, allow));
    emit(p, INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0));
}

static int access_bits(const char access[4])
{
    int bits = 0;

    for (int i = 0; i < 4 && access[i]; i++)
        bits |= access[i] == 'r'   ? BPF_DEVCG_ACC_READ
                : access[i] == 'w' ? BPF_DEVCG_ACC_WRITE
                : access[i] == 'm' ? BPF_DEVCG_ACC_MKNOD
                                   : 0;
    return bits;
}

/* An allow rule must cover all that is asked for; a deny rule any of it. */
static void emit_access_test(struct device_program *p, const struct cgroup_device *d)
{
    int bits = access_bits(d->access);

    if (bits == (BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE | BPF_DEVCG_ACC_MKNOD))
        return;
    emit(p, INSN(BPF_ALU | BPF_MOV | BPF_X, R_TMP, R_ACCESS, 0, 0));
    emit(p, INSN(BPF_ALU | BPF_AND | BPF_K, R_TMP, 0, 0, d->allow ? ~bits & 7 : bits));
    emit(p, INSN(BPF_JMP | (d->allow ? BPF_JNE : BPF_JEQ) | BPF_K, R_TMP, 0, 0, 0));
}

static void emit_rule(struct device_program *p, const struct cgroup_device *d)
{
    size_t first = p->n;

    emit(p, INSN(BPF_JMP | BPF_JNE | BPF_K, R_TYPE, 0, 0,
                 d->type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR));
    if (d->major >= 0)
        emit(p, INSN(BPF_JMP | BPF_JNE | BPF_K, R_MAJOR, 0, 0, d->major));
    if (d->minor >= 0)
        emit(p, INSN(BPF_JMP | BPF_JNE | BPF_K, R_MINOR, 0, 0, d->minor));
    emit_access_test(p, d);
    emit_verdict(p, d->allow);
    for (size_t i = first; i < p->n - 2; i++) /* a test that fails goes to the next rule */
        if (BPF_CLASS(p->insns[i].code) == BPF_JMP)
            p->insns[i].off = (short)(p->n - i - 1);
}

void device_program_build(const struct cgroup_device *rules, size_t n, struct device_program *out)
{
    out->n = 0;
    emit_load(out);
    while (n > 0) {
        const struct cgroup_device *d = &rules[--n];

        if (d->type == 'a') {
            emit_verdict(out, d->allow);
            return;
        }
        emit_rule(out, d);
    }
    emit_verdict(out, false);
}

static int bpf(int cmd, union bpf_attr *attr)
{
    return (int)syscall(SYS_bpf, cmd, attr, sizeof(*attr));
}

static struct err *load(const struct cgroup_limits *l, int *out)
{
    autofree struct device_program *p = mem_new(struct device_program);
    union bpf_attr attr;

    device_program_build(l->devices, l->n_devices, p);
    memset(&attr, 0, sizeof(attr));
    attr.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
    attr.insns = (uintptr_t)p->insns;
    attr.insn_cnt = (uint32_t)p->n;
    attr.license = (uintptr_t) "Apache-2.0";
    *out = bpf(BPF_PROG_LOAD, &attr);
    return *out < 0 ? err_sys("load the device policy") : NULL;
}

static struct err *attach(int cgroup_dir, int prog)
{
    union bpf_attr attr;

    memset(&attr, 0, sizeof(attr));
    attr.target_fd = (uint32_t)cgroup_dir;
    attr.attach_bpf_fd = (uint32_t)prog;
    attr.attach_type = BPF_CGROUP_DEVICE;
    attr.attach_flags = BPF_F_ALLOW_MULTI;
    return bpf(BPF_PROG_ATTACH, &attr) ? err_sys("attach the device policy") : NULL;
}

static bool is_same_rule(const struct cgroup_device *a, const struct cgroup_device *b)
{
    return a->type == b->type && a->major == b->major && a->minor == b->minor &&
           a->allow == b->allow && !strncmp(a->access, b->access, sizeof(a->access));
}

/* A duplicate of the kept program when it is for these rules, else -1. */
static int find_kept(struct device_cache *c, const struct cgroup_limits *l)
{
    int fd = -1;

    pthread_mutex_lock(&c->lock);
    bool is_same = c->prog >= 0 && c->n == l->n_devices;
    for (size_t i = 0; is_same && i < c->n; i++)
        is_same = is_same_rule(&c->rules[i], &l->devices[i]);
    if (is_same)
        fd = fcntl(c->prog, F_DUPFD_CLOEXEC, 0);
    pthread_mutex_unlock(&c->lock);
    return fd;
}

static void keep(struct device_cache *c, const struct cgroup_limits *l, int prog)
{
    struct cgroup_device *rules = mem_array(l->n_devices + 1, sizeof(*rules));
    int fd = fcntl(prog, F_DUPFD_CLOEXEC, 0);

    for (size_t i = 0; i < l->n_devices; i++)
        rules[i] = l->devices[i];
    pthread_mutex_lock(&c->lock);
    free(c->rules);
    if (c->prog >= 0)
        close(c->prog);
    c->rules = rules;
    c->n = l->n_devices;
    c->prog = fd;
    pthread_mutex_unlock(&c->lock);
}

void device_cache_init(struct device_cache *c)
{
    *c = (struct device_cache){.prog = -1};
    pthread_mutex_init(&c->lock, NULL);
}

void device_cache_finish(struct device_cache *c)
{
    if (c->prog >= 0)
        close(c->prog);
    free(c->rules);
    pthread_mutex_destroy(&c->lock);
}

struct err *device_policy_attach(struct device_cache *c, int cgroup_dir,
                                 const struct cgroup_limits *l)
{
    autoclose int prog = -1;

    if (l->n_devices > DEVICE_RULES_MAX)
        return err_new(ERR_INVALID, "too many device rules: %zu (at most %d)", l->n_devices,
                       DEVICE_RULES_MAX);
    prog = find_kept(c, l);
    if (prog < 0) {
        TRY(load(l, &prog));
        keep(c, l, prog);
    }
    return attach(cgroup_dir, prog);
}
