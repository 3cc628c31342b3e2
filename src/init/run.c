/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loads, checks and runs a setup program in a child of the keeper. The first record that
 * fails is reported on the status pipe as (index, code, errno, detail) and the child ends.
 * Trap: no stdio, no malloc, no glibc call that caches pids or ids (the child was made by a
 * raw clone3); the keeper's heap is shared copy-on-write and must stay as it is.
 */
#include "init.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const init_fn functions[P_CODE_END] = {
    [P_CGROUP] = do_cgroup,     [P_SETNS] = do_setns,
    [P_UNSHARE] = do_unshare,   [P_ROOT] = do_root,
    [P_ATTACH] = do_attach,     [P_MOUNT] = do_mount,
    [P_MASK] = do_mask,         [P_READONLY] = do_readonly,
    [P_PIVOT] = do_pivot,       [P_ROOT_READONLY] = do_root_readonly,
    [P_HOSTNAME] = do_hostname, [P_DOMAINNAME] = do_domainname,
    [P_SYSCTL] = do_sysctl,     [P_TIMENS] = do_timens,
    [P_RLIMIT] = do_rlimit,     [P_OOM_SCORE] = do_oom_score,
    [P_UMASK] = do_umask,       [P_SETSID] = do_setsid,
    [P_CTTY] = do_ctty,         [P_DUP] = do_dup,
    [P_CWD] = do_cwd,           [P_CAPS] = do_caps,
    [P_USER] = do_user,         [P_NO_NEW_PRIVS] = do_no_new_privs,
    [P_SECCOMP] = do_seccomp,   [P_INIT] = do_init,
    [P_PAYLOAD] = do_payload,   [P_ENV] = do_env,
    [P_EXEC] = do_exec,         [P_KEYRING] = do_keyring,
    [P_SYMLINK] = do_symlink,   [P_LABEL] = do_label,
    [P_CONTEXT] = do_context,
};

/* memmove, since a detail may be made longer from itself. */
static void copy_cut(char *to, size_t room, const char *from)
{
    size_t n = strnlen(from, room - 1);

    memmove(to, from, n);
    to[n] = 0;
}

void init_blame(struct init *t, const char *what)
{
    copy_cut(t->detail, sizeof(t->detail), what);
}

void init_blame2(struct init *t, const char *what, const char *more)
{
    size_t n;

    init_blame(t, what);
    n = strlen(t->detail);
    copy_cut(t->detail + n, sizeof(t->detail) - n, ": ");
    n = strlen(t->detail);
    copy_cut(t->detail + n, sizeof(t->detail) - n, more);
}

/* One write of less than PIPE_BUF is whole (pipe(7)); sys 0 is news, as "execve comes next". */
void init_tell(struct init *t, uint32_t code, uint32_t at, int sys)
{
    struct program_failure f = {.at = at, .code = code, .sys = sys};

    if (sys) {
        f.why = t->why;
        memcpy(f.detail, t->detail, sizeof(f.detail));
    }
    while (write(t->in->status, &f, sizeof(f)) < 0 && errno == EINTR)
        ;
}

/* 125: the engine reads the report, the code is for who looks at the keeper's children by hand. */
static _Noreturn void fail(struct init *t, uint32_t code, int sys)
{
    init_tell(t, code, t->at, sys ? sys : EINVAL);
    _exit(125);
}

int init_fd(const struct init *t)
{
    PROMISED(t->op->fd >= 0 && (size_t)t->op->fd < t->in->n_fds);
    return t->in->fds[t->op->fd];
}

const char *op_next(const char *s)
{
    return s + strlen(s) + 1;
}

const char *op_string(const struct program_op *op, unsigned i)
{
    const char *s = op->data;

    while (i--)
        s = op_next(s);
    return s;
}

static void *map_memory(struct init *t, size_t size)
{
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (p == MAP_FAILED)
        fail(t, 0, errno);
    return p;
}

/* A private copy: what was checked is what runs, sealed memfd or not. */
static void load_program(struct init *t)
{
    struct stat st;
    char *bytes;
    size_t have = 0;
    const char *wrong;

    if (fstat(t->in->program, &st))
        fail(t, 0, errno);
    if (st.st_size < (off_t)sizeof(struct program_header) || st.st_size > (off_t)PROGRAM_MAX) {
        init_blame(t, "not a program");
        fail(t, 0, EINVAL);
    }
    bytes = map_memory(t, (size_t)st.st_size);
    while (have < (size_t)st.st_size) {
        ssize_t n = pread(t->in->program, bytes + have, (size_t)st.st_size - have, (off_t)have);

        if (n <= 0)
            fail(t, 0, n ? errno : EINVAL);
        have += (size_t)n;
    }
    wrong = program_check(bytes, have, (uint32_t)t->in->n_fds, &t->at);
    if (wrong) {
        init_blame(t, wrong);
        fail(t, 0, EINVAL);
    }
    t->program = (const void *)bytes;
}

static const struct program_op *first_op(const struct init *t)
{
    return (const void *)(t->program + 1);
}

static const struct program_op *next_op(const struct program_op *op)
{
    PROMISED(op->size >= sizeof(*op) && op->size % 8 == 0);
    return (const void *)((const char *)op + op->size);
}

static char **fill_strings(char **at, const struct program_op *op)
{
    const char *s = op->data;

    for (uint32_t i = 0; i < op->a; i++, s = op_next(s))
        *at++ = (char *)(uintptr_t)s; /* execve's old signature; never written to */
    *at++ = NULL;
    return at;
}

/* argv and environment as execve wants them, once, before anything can fail half-way. */
static void make_vectors(struct init *t)
{
    const struct program_op *op = first_op(t);
    size_t n = 1;
    char **at;

    for (uint32_t i = 0; i < t->program->n_ops; i++, op = next_op(op))
        if (op->code == P_ENV || op->code == P_EXEC)
            n += (size_t)op->a + 1;
    at = map_memory(t, n * sizeof(*at));
    t->env = at++; /* without P_ENV: empty */
    op = first_op(t);
    for (uint32_t i = 0; i < t->program->n_ops; i++, op = next_op(op)) {
        if (op->code == P_ENV)
            t->env = at;
        else if (op->code == P_EXEC)
            t->argv = at;
        else
            continue;
        at = fill_strings(at, op);
    }
}

static bool has_op(const struct init *t, uint16_t code)
{
    const struct program_op *op = first_op(t);

    for (uint32_t i = 0; i < t->program->n_ops; i++, op = next_op(op))
        if (op->code == code)
            return true;
    return false;
}

/* The keeper protects itself from the OOM killer, and oom_score_adj is inherited (proc(5)): a
 * container must not have that. */
static void give_back_oom_score(struct init *t)
{
    char text[16];
    int value = t->in->oom_score;
    char *at = text + sizeof(text);

    *--at = 0;
    for (int rest = abs(value); rest || !*at; rest /= 10)
        *--at = (char)('0' + rest % 10);
    PROMISED(at > text);
    if (value < 0)
        *--at = '-';
    /* Best effort: a wrong score is no reason to refuse a container. */
    procfs_write(t, "self/oom_score_adj", at);
}

void init_run(const struct init_input *in)
{
    struct init t = {.in = in, .root = -1, .procfs = -1};

    load_program(&t);
    make_vectors(&t);
    if (in->has_foreign_oom_score && !has_op(&t, P_OOM_SCORE))
        give_back_oom_score(&t);
    t.op = first_op(&t);
    for (t.at = 0; t.at < t.program->n_ops; t.at++, t.op = next_op(t.op)) {
        int sys;

        PROMISED(t.op->code > 0 && t.op->code < P_CODE_END && functions[t.op->code]);
        t.detail[0] = 0;
        t.why = PROGRAM_WHY_NONE;
        sys = functions[t.op->code](&t);
        if (sys && !(t.op->flags & PF_OPTIONAL))
            fail(&t, t.op->code, sys);
    }
    fail(&t, P_EXEC, EINVAL); /* an optional P_EXEC that failed */
}
