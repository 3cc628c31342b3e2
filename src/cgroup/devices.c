/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The device policy on cgroup v2: a BPF program over (type, access, major, minor)
 * that we assemble here. Rules are tested last to first, so that the last matching rule
 * decides, as a list written to v1 would; an 'a' rule ends the program. Several programs
 * on the path from the root must all allow, so ours can only narrow.
 */
#include "devices.h"

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>

#include "tree.h"

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

struct err *devices_attach(int cgroup_dir, const struct cgroup_limits *l)
{
    autofree struct device_program *p = mem_new(struct device_program);
    autoclose int prog = -1;
    union bpf_attr attr;

    if (l->n_devices > DEVICE_RULES_MAX)
        return err_new(ERR_INVALID, "too many device rules: %zu (at most %d)", l->n_devices,
                       DEVICE_RULES_MAX);
    device_program_build(l->devices, l->n_devices, p);
    memset(&attr, 0, sizeof(attr));
    attr.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
    attr.insns = (uintptr_t)p->insns;
    attr.insn_cnt = (uint32_t)p->n;
    attr.license = (uintptr_t) "Apache-2.0";
    prog = bpf(BPF_PROG_LOAD, &attr);
    if (prog < 0)
        return err_sys("load the device policy");
    memset(&attr, 0, sizeof(attr));
    attr.target_fd = (uint32_t)cgroup_dir;
    attr.attach_bpf_fd = (uint32_t)prog;
    attr.attach_type = BPF_CGROUP_DEVICE;
    attr.attach_flags = BPF_F_ALLOW_MULTI;
    if (bpf(BPF_PROG_ATTACH, &attr) != 0)
        return err_sys("attach the device policy");
    return NULL;
}
