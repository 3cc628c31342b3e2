/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is a setup program well-formed? Pure, and complete before the first record runs, so that
 * the records' functions need no bounds checks. Trap: a record may be legal alone and wrong
 * in its place (P_CAPS without P_USER would keep every capability), so order is checked too.
 */
#include "init.h"

#include <linux/filter.h>
#include <string.h>

enum { GROUPS_MAX = 65536, ANY_STRINGS = -1 };

struct op_shape {
    bool needs_fd;
    bool has_path;    /* its last fixed string is a path in the container */
    int8_t n_strings; /* ANY_STRINGS: counted by the record or ended by "" */
};

static const struct op_shape shapes[P_CODE_END] = {
    [P_CGROUP] = {.needs_fd = true},
    [P_SETNS] = {.needs_fd = true},
    [P_ROOT] = {.needs_fd = true},
    [P_ATTACH] = {.needs_fd = true, .has_path = true, .n_strings = 1},
    [P_MOUNT] = {.has_path = true, .n_strings = ANY_STRINGS},
    [P_MASK] = {.needs_fd = true, .has_path = true, .n_strings = 1},
    [P_READONLY] = {.has_path = true, .n_strings = 1},
    [P_HOSTNAME] = {.n_strings = 1},
    [P_DOMAINNAME] = {.n_strings = 1},
    [P_SYSCTL] = {.n_strings = 2},
    [P_CTTY] = {.needs_fd = true},
    [P_DUP] = {.needs_fd = true},
    [P_CWD] = {.has_path = true, .n_strings = 1},
    [P_SECCOMP] = {.needs_fd = true},
    [P_ENV] = {.n_strings = ANY_STRINGS},
    [P_EXEC] = {.n_strings = ANY_STRINGS},
    [P_TIMENS] = {.n_strings = 1},
    [P_SYMLINK] = {.has_path = true, .n_strings = 2},
    [P_LABEL] = {.n_strings = 1},
    [P_CONTEXT] = {.n_strings = 2},
};

/* How many NUL-terminated strings the data holds; the zero padding counts as empty ones. */
static bool has_strings(const struct program_op *op, uint64_t n)
{
    const char *at = op->data;
    size_t left = op->size - sizeof(*op);

    for (uint64_t i = 0; i < n; i++) {
        size_t len = strnlen(at, left);

        if (len == left)
            return false;
        at += len + 1;
        left -= len + 1;
    }
    return true;
}

/* type, target, options…, "": ended inside the record. */
static bool has_ended_options(const struct program_op *op)
{
    const char *at = op->data, *end = (const char *)op + op->size;

    for (unsigned i = 0; at < end; i++) {
        size_t len = strnlen(at, (size_t)(end - at));

        if (at + len == end)
            return false;
        if (len == 0)
            return i >= 2;
        at += len + 1;
    }
    return false;
}

/* It becomes part of a path. */
static bool is_attribute(const char *name)
{
    return !strcmp(name, "exec") || !strcmp(name, "current") || !strcmp(name, "keycreate");
}

static const char *check_strings(const struct program_op *op)
{
    const struct op_shape *shape = &shapes[op->code];

    if (op->code == P_MOUNT)
        return has_ended_options(op) ? NULL : "options are not terminated";
    if (op->code == P_CONTEXT && has_strings(op, 2) && !is_attribute(op->data))
        return "unknown attribute of a process";
    if (op->code == P_EXEC && op->a == 0)
        return "argv is empty";
    if (!has_strings(op, shape->n_strings == ANY_STRINGS ? op->a : (uint64_t)shape->n_strings))
        return "text is not terminated";
    return NULL;
}

static const char *path_of(const struct program_op *op)
{
    return op_string(op, op->code == P_MOUNT || op->code == P_SYMLINK ? 1 : 0);
}

static const char *check_numbers(const struct program_op *op, uint32_t n_fds)
{
    size_t room = op->size - sizeof(*op);

    if (op->fd < -1 || (op->fd >= 0 && (uint32_t)op->fd >= n_fds))
        return "descriptor index out of range";
    if (shapes[op->code].needs_fd && op->fd < 0)
        return "descriptor is missing";
    switch (op->code) {
    case P_MASK:
        return op->b < n_fds ? NULL : "index of the null device out of range";
    case P_MOUNT:
        return op->fd < 0 || !strcmp(op->data, "proc") || !strcmp(op->data, "tmpfs")
                   ? NULL
                   : "descriptor of a mount";
    case P_DUP:
        return op->a <= 2 ? NULL : "standard descriptor out of range";
    case P_CAPS:
        return room >= sizeof(struct program_caps) ? NULL : "capability sets are cut short";
    case P_USER:
        return op->c <= GROUPS_MAX && room >= op->c * sizeof(uint32_t) && op->a != UINT32_MAX &&
                       op->b < UINT32_MAX
                   ? NULL
                   : "groups or ids out of range";
    default:
        return NULL;
    }
}

static const char *check_op(const struct program_op *op, uint32_t n_fds)
{
    const char *wrong;

    if (op->code == 0 || op->code >= P_CODE_END)
        return "unknown record";
    wrong = check_strings(op); /* first: what follows compares them */
    if (!wrong)
        wrong = check_numbers(op, n_fds);
    if (!wrong && shapes[op->code].has_path && !target_is_safe_text(path_of(op)))
        wrong = "path is not absolute or has \"..\"";
    return wrong;
}

struct order {
    unsigned seen[P_CODE_END];
    bool wants_user;
};

static const char *check_order(struct order *o, const struct program_op *op)
{
    static const uint16_t once[] = {P_ROOT, P_PIVOT, P_CAPS, P_USER, P_INIT, P_PAYLOAD, P_ENV};

    o->seen[op->code]++;
    for (size_t i = 0; i < sizeof(once) / sizeof(once[0]); i++)
        if (o->seen[once[i]] > 1)
            return "record occurs twice";
    if (op->code == P_PIVOT && !o->seen[P_ROOT])
        return "no root to pivot into";
    if (op->code == P_ROOT_READONLY && !o->seen[P_PIVOT])
        return "the root is not yet the root";
    if (op->code == P_CAPS && o->seen[P_USER])
        return "capabilities after the user";
    if (op->code == P_EXEC && o->seen[P_CAPS] && !o->seen[P_USER])
        return "capabilities without a user";
    return NULL;
}

const char *program_check(const void *bytes, size_t size, uint32_t n_fds, uint32_t *out_at)
{
    const struct program_header *h = bytes;
    const char *at = (const char *)bytes + sizeof(*h), *end = (const char *)bytes + size;
    struct order order = {0};
    uint16_t last = 0;

    *out_at = 0;
    if (size < sizeof(*h) || size > PROGRAM_MAX || h->magic != PROGRAM_MAGIC || h->size != size)
        return "not a program";
    if (h->version != PROGRAM_VERSION)
        return "program of another version";
    if (h->n_fds != n_fds || n_fds > PROGRAM_FDS_MAX)
        return "wrong number of descriptors";
    for (uint32_t i = 0; i < h->n_ops; i++) {
        const struct program_op *op = (const void *)at;
        const char *wrong;

        *out_at = i;
        if ((size_t)(end - at) < sizeof(*op) || op->size < sizeof(*op) || op->size % 8 ||
            op->size > (size_t)(end - at))
            return "record is cut short";
        if (last == P_EXEC)
            return "record after P_EXEC";
        wrong = check_op(op, n_fds);
        if (!wrong)
            wrong = check_order(&order, op);
        if (wrong)
            return wrong;
        last = op->code;
        at += op->size;
    }
    if (last != P_EXEC || at != end)
        return "program does not end with P_EXEC";
    return NULL;
}
