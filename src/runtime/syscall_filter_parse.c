/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A user's seccomp profile (Docker's JSON) → struct syscall_filter_profile. Pure; the text is
 * foreign, so everything is bounded. A profile that is not exactly understood (an unknown or double
 * key, a value of another type, a number that is not an integer in its range) is refused with the
 * place: to read half of a rule is to allow what its author has forbidden. Docker ignores such.
 *
 * An architecture that libseccomp does not know is left out, since profiles name them all.
 *
 * A capability name we do not know is kept as CAP_NEVER: a rule that needs it never
 * applies, and one that excludes it always does, as in Docker.
 */
#include "syscall_filter.h"

#include "base/json.h"

#include "caps.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>

#define FILTER_RULES_MAX 2048
#define FILTER_NAMES_MAX 4096 /* in all rules together */
#define FILTER_ARGS_MAX 6
#define FILTER_ARCHES_MAX 32
#define FILTER_ERRNO_MAX 4095
#define CAP_NEVER CAPS_BIT(63)

/* Where in the document: syscalls[3].args[0]. Lives on the stack of the readers. */
struct place {
    const struct place *up; /* NULL: the profile itself */
    const char *key;        /* NULL: an item of a list, at index */
    size_t index;
};

struct parse {
    struct arena *a;
    size_t n_names;
};

static const struct {
    const char *name;
    uint32_t action;
    bool has_value;
} actions[] = {
    {"SCMP_ACT_KILL", SCMP_ACT_KILL_THREAD, false},
    {"SCMP_ACT_KILL_THREAD", SCMP_ACT_KILL_THREAD, false},
    {"SCMP_ACT_KILL_PROCESS", SCMP_ACT_KILL_PROCESS, false},
    {"SCMP_ACT_TRAP", SCMP_ACT_TRAP, false},
    {"SCMP_ACT_ERRNO", SCMP_ACT_ERRNO(0), true},
    {"SCMP_ACT_TRACE", SCMP_ACT_TRACE(0), true},
    {"SCMP_ACT_ALLOW", SCMP_ACT_ALLOW, false},
    {"SCMP_ACT_LOG", SCMP_ACT_LOG, false},
};

static const struct {
    const char *name;
    enum scmp_compare op;
} compares[] = {
    {"SCMP_CMP_NE", SCMP_CMP_NE},
    {"SCMP_CMP_LT", SCMP_CMP_LT},
    {"SCMP_CMP_LE", SCMP_CMP_LE},
    {"SCMP_CMP_EQ", SCMP_CMP_EQ},
    {"SCMP_CMP_GE", SCMP_CMP_GE},
    {"SCMP_CMP_GT", SCMP_CMP_GT},
    {"SCMP_CMP_MASKED_EQ", SCMP_CMP_MASKED_EQ},
};

static const struct {
    const char *name;
    unsigned flag;
} load_flags[] = {
    {"SECCOMP_FILTER_FLAG_TSYNC", 0}, /* one thread loads it */
    {"SECCOMP_FILTER_FLAG_LOG", SECCOMP_FILTER_FLAG_LOG},
    {"SECCOMP_FILTER_FLAG_SPEC_ALLOW", SECCOMP_FILTER_FLAG_SPEC_ALLOW},
};

/* ---- places and exact values ---- */

enum { PLACES_MAX = 8 }; /* syscalls, [i], args, [j], value; and some */

static struct err *bad(const struct place *at, const char *what, const char *value)
{
    const struct place *chain[PLACES_MAX];
    autobuf struct buf where = {0};
    size_t n = 0;

    for (; at && n < PLACES_MAX; at = at->up)
        chain[n++] = at;
    while (n-- > 0)
        if (chain[n]->key)
            buf_printf(&where, "%s%s", where.len ? "." : "", chain[n]->key);
        else
            buf_printf(&where, "[%zu]", chain[n]->index);
    return err_new(ERR_INVALID, "decoding seccomp profile failed: %s%s%s%s%.100s%s",
                   where.len ? where.data : "", where.len ? ": " : "", what, value ? " \"" : "",
                   value ? value : "", value ? "\"" : "");
}

/* All keys of an object are among these, in any case as Go reads them, and none comes twice. */
static struct err *check_keys(const struct json *object, const struct place *at,
                              const char *const *known)
{
    unsigned seen = 0;

    if (json_type(object) != JSON_OBJECT)
        return bad(at, "it is not an object", NULL);
    for (const struct json *j = json_first(object); j; j = json_next(j)) {
        size_t i = 0;

        while (known[i] && strcasecmp(known[i], json_key(j)) != 0)
            i++;
        if (!known[i])
            return bad(at, "unknown key", json_key(j));
        if (seen & 1u << i)
            return bad(at, "the key comes twice:", json_key(j));
        seen |= 1u << i;
    }
    return NULL;
}

/* A member of the type, or NULL where it is absent or null. */
static struct err *member(const struct json *object, const struct place *at, enum json_type type,
                          const struct json **out)
{
    static const char *const wanted[] = {
        [JSON_NUMBER] = "it must be a number",
        [JSON_STRING] = "it must be a string",
        [JSON_ARRAY] = "it must be a list",
        [JSON_OBJECT] = "it must be an object",
    };
    const struct json *j = json_get(object, at->key);

    if (j && json_type(j) == JSON_NULL)
        j = NULL;
    if (j && json_type(j) != type)
        return bad(at, wanted[type], NULL);
    *out = j;
    return NULL;
}

static struct err *get_string(const struct json *object, const struct place *up, const char *key,
                              const char **out)
{
    const struct place at = {up, key, 0};
    const struct json *j;

    TRY(member(object, &at, JSON_STRING, &j));
    *out = j ? json_str(j) : NULL;
    return NULL;
}

/* Exact: 2^53 + 1 stays what it is, and neither a sign nor a fraction nor an exponent is taken. */
static struct err *get_number(struct parse *p, const struct json *object, const struct place *up,
                              const char *key, uint64_t max, uint64_t *out)
{
    const struct place at = {up, key, 0};
    const struct json *j;
    const char *text;
    char *end;
    unsigned long long value;

    TRY(member(object, &at, JSON_NUMBER, &j));
    if (!j)
        return NULL;
    text = json_text(p->a, j);
    errno = 0;
    value = strtoull(text, &end, 10);
    if (text[strspn(text, "0123456789")] || errno == ERANGE || value > max)
        return bad(&at,
                   arena_printf(p->a, "it must be an integer from 0 to %llu, not",
                                (unsigned long long)max),
                   text);
    *out = value;
    return NULL;
}

static struct err *get_strings(struct parse *p, const struct json *object, const struct place *up,
                               const char *key, struct strs *out)
{
    const struct place at = {up, key, 0};
    struct place item = {&at, NULL, 0};
    const struct json *list;

    *out = (struct strs){0};
    TRY(member(object, &at, JSON_ARRAY, &list));
    for (const struct json *j = json_first(list); j; j = json_next(j), item.index++)
        if (json_type(j) != JSON_STRING)
            return bad(&item, "it must be a string", NULL);
    if (list)
        *out = json_strs(p->a, list);
    return NULL;
}

/* ---- rules ---- */

static struct err *parse_action(const struct place *at, const char *name, int64_t value,
                                uint32_t *out)
{
    for (size_t i = 0; name && i < ARRAY_LEN(actions); i++)
        if (strcmp(actions[i].name, name) == 0) {
            *out = actions[i].action | (actions[i].has_value ? (uint32_t)value : 0);
            return NULL;
        }
    return bad(at, "unknown action", name ? name : "");
}

static struct err *parse_names(struct parse *p, const struct json *rule, const struct place *at,
                               const char *const **out)
{
    struct strs names;
    const char *single;

    TRY(get_strings(p, rule, at, "names", &names));
    TRY(get_string(rule, at, "name", &single));
    if (single && *single && names.n)
        return bad(at, "both 'name' and 'names' were specified, use either of them", NULL);
    if (single && *single)
        strs_add(p->a, &names, single);
    if (!single && !json_get(rule, "names"))
        return bad(at, "it names no system call", NULL);
    p->n_names += names.n;
    if (p->n_names > FILTER_NAMES_MAX)
        return err_new(ERR_TOO_LARGE, "seccomp profile names more than %d system calls",
                       FILTER_NAMES_MAX);
    if (!names.v)
        names.v = arena_array(p->a, 1, sizeof(char *));
    *out = (const char *const *)names.v;
    return NULL;
}

static struct err *parse_arg(struct parse *p, const struct json *j, const struct place *at,
                             struct syscall_filter_arg *out)
{
    static const char *const keys[] = {"index", "value", "valueTwo", "op", NULL};
    uint64_t index = 0;
    const char *op;

    TRY(check_keys(j, at, keys));
    *out = (struct syscall_filter_arg){0};
    TRY(get_number(p, j, at, "index", FILTER_ARGS_MAX - 1, &index));
    TRY(get_number(p, j, at, "value", UINT64_MAX, &out->value));
    TRY(get_number(p, j, at, "valueTwo", UINT64_MAX, &out->value_two));
    TRY(get_string(j, at, "op", &op));
    out->index = (unsigned)index;
    for (size_t i = 0; op && i < ARRAY_LEN(compares); i++)
        if (strcmp(compares[i].name, op) == 0) {
            out->op = (int)compares[i].op;
            return NULL;
        }
    return bad(at, "unknown operator", op ? op : "");
}

static struct err *parse_args(struct parse *p, const struct json *rule, const struct place *up,
                              struct syscall_filter_rule *out)
{
    const struct place at = {up, "args", 0};
    struct place item = {&at, NULL, 0};
    struct syscall_filter_arg *args;
    const struct json *list;

    TRY(member(rule, &at, JSON_ARRAY, &list));
    if (json_len(list) > FILTER_ARGS_MAX)
        return bad(&at, "a system call has at most six arguments", NULL);
    if (json_len(list) == 0)
        return NULL;
    args = arena_array(p->a, json_len(list), sizeof(*args));
    for (const struct json *j = json_first(list); j; j = json_next(j), item.index++)
        TRY(parse_arg(p, j, &item, &args[out->n_args++]));
    out->args = args;
    return NULL;
}

static struct err *parse_kernel(const struct place *at, const char *text,
                                struct syscall_filter_when *out)
{
    int major = 0, minor = 0, end = 0;

    if (sscanf(text, "%4d.%4d%n", &major, &minor, &end) != 2 || text[end] || major < 1 || minor < 0)
        return bad(at, "invalid minKernel", text);
    out->kernel_major = major;
    out->kernel_minor = minor;
    return NULL;
}

static struct err *parse_when(struct parse *p, const struct json *rule, const struct place *up,
                              const char *key, struct syscall_filter_when *out)
{
    static const char *const keys[] = {"caps", "arches", "minKernel", NULL};
    const struct place at = {up, key, 0};
    struct strs caps, arches;
    const char *kernel;
    const struct json *j;

    TRY(member(rule, &at, JSON_OBJECT, &j));
    if (!j)
        return NULL;
    TRY(check_keys(j, &at, keys));
    TRY(get_strings(p, j, &at, "caps", &caps));
    TRY(get_strings(p, j, &at, "arches", &arches));
    TRY(get_string(j, &at, "minKernel", &kernel));
    for (size_t i = 0; i < caps.n; i++) {
        int n = caps_number(caps.v[i]);

        out->caps |= n < 0 ? CAP_NEVER : CAPS_BIT(n);
    }
    if (arches.n)
        out->arches = (const char *const *)arches.v;
    return kernel && *kernel ? parse_kernel(&at, kernel, out) : NULL;
}

static struct err *parse_rule(struct parse *p, const struct json *j, const struct place *at,
                              struct syscall_filter_rule *out)
{
    static const char *const keys[] = {"name",    "names",    "action",   "errnoRet", "args",
                                       "comment", "includes", "excludes", NULL};
    uint64_t value = EPERM;
    const char *action, *comment;

    TRY(check_keys(j, at, keys));
    TRY(parse_names(p, j, at, &out->names));
    TRY(get_number(p, j, at, "errnoRet", FILTER_ERRNO_MAX, &value));
    TRY(get_string(j, at, "action", &action));
    TRY(get_string(j, at, "comment", &comment));
    TRY(parse_action(at, action, (int64_t)value, &out->action));
    TRY(parse_args(p, j, at, out));
    TRY(parse_when(p, j, at, "includes", &out->includes));
    return parse_when(p, j, at, "excludes", &out->excludes);
}

static struct err *parse_rules(struct parse *p, const struct json *root,
                               struct syscall_filter_profile *out)
{
    const struct place at = {NULL, "syscalls", 0};
    struct place item = {&at, NULL, 0};
    struct syscall_filter_rule *rules;
    const struct json *list;

    TRY(member(root, &at, JSON_ARRAY, &list));
    if (json_len(list) > FILTER_RULES_MAX)
        return err_new(ERR_TOO_LARGE, "seccomp profile has more than %d rules", FILTER_RULES_MAX);
    rules = arena_array(p->a, json_len(list) + 1, sizeof(*rules));
    for (const struct json *j = json_first(list); j; j = json_next(j), item.index++)
        TRY(parse_rule(p, j, &item, &rules[out->n_rules++]));
    out->rules = rules;
    return NULL;
}

/* ---- architectures and flags ---- */

/* "SCMP_ARCH_X86_64" → libseccomp's "x86_64"; NULL for one that it does not know. */
static struct err *read_arch(struct parse *p, const struct place *at, const char *name,
                             const char **out)
{
    char *arch;

    if (!name || !text_starts(name, "SCMP_ARCH_"))
        return bad(at, "invalid architecture", name ? name : "");
    arch = arena_strdup(p->a, name + strlen("SCMP_ARCH_"));
    text_lower(arch);
    *out = seccomp_arch_resolve_name(arch) ? arch : NULL;
    return NULL;
}

static struct err *add_arches(struct parse *p, const struct place *at, const struct strs *names,
                              struct strs *list)
{
    for (size_t i = 0; i < names->n; i++) {
        const char *arch;

        TRY(read_arch(p, at, names->v[i], &arch));
        if (!arch || strs_has(list, arch))
            continue;
        if (list->n >= FILTER_ARCHES_MAX)
            return bad(at, "there are too many architectures", NULL);
        strs_add(p->a, list, arch);
    }
    return NULL;
}

static struct err *parse_arch_map(struct parse *p, const struct json *map, const struct place *up,
                                  struct strs *list)
{
    static const char *const keys[] = {"architecture", "subArchitectures", NULL};
    struct place at = {up, NULL, 0};

    for (const struct json *j = json_first(map); j; j = json_next(j), at.index++) {
        const char *name, *arch;
        struct strs subs;

        TRY(check_keys(j, &at, keys));
        TRY(get_string(j, &at, "architecture", &name));
        TRY(read_arch(p, &at, name, &arch));
        TRY(get_strings(p, j, &at, "subArchitectures", &subs));
        if (arch && seccomp_arch_resolve_name(arch) == seccomp_arch_native())
            TRY(add_arches(p, &at, &subs, list));
    }
    return NULL;
}

static struct err *parse_arches(struct parse *p, const struct json *root,
                                struct syscall_filter_profile *out)
{
    const struct place in_list = {NULL, "architectures", 0}, in_map = {NULL, "archMap", 0};
    struct strs list = {0}, given;
    const struct json *map;

    TRY(get_strings(p, root, NULL, "architectures", &given));
    TRY(member(root, &in_map, JSON_ARRAY, &map));
    if (given.n && json_len(map))
        return bad(NULL, "both 'architectures' and 'archMap' were specified, use either of them",
                   NULL);
    TRY(add_arches(p, &in_list, &given, &list));
    TRY(parse_arch_map(p, map, &in_map, &list));
    if (!list.v)
        list.v = arena_array(p->a, 1, sizeof(char *)); /* none but the native one */
    out->arches = (const char *const *)list.v;
    return NULL;
}

static struct err *parse_flags(struct parse *p, const struct json *root,
                               struct syscall_filter_profile *out)
{
    const struct place at = {NULL, "flags", 0};
    struct strs flags;

    TRY(get_strings(p, root, NULL, "flags", &flags));
    if (!flags.v) /* not said: fast, as runc decides too */
        out->flags = SECCOMP_FILTER_FLAG_SPEC_ALLOW;
    for (size_t i = 0; i < flags.n; i++) {
        size_t row = 0;

        while (row < ARRAY_LEN(load_flags) && strcmp(load_flags[row].name, flags.v[i]) != 0)
            row++;
        if (row == ARRAY_LEN(load_flags))
            return bad(&at, "unknown flag", flags.v[i]);
        out->flags |= load_flags[row].flag;
    }
    return NULL;
}

struct err *syscall_filter_parse(struct arena *a, const char *json,
                                 struct syscall_filter_profile *out)
{
    static const char *const keys[] = {
        "defaultAction", "defaultErrnoRet", "architectures", "archMap",
        "flags",         "syscalls",        "comment",       NULL};
    const struct place at = {NULL, "defaultAction", 0};
    struct parse p = {.a = a};
    struct syscall_filter_profile profile = {0};
    uint64_t value = EPERM;
    const struct json *root;
    const char *action;
    struct err *e = json_parse(a, json, strlen(json), &root);

    if (e)
        return err_as(err_wrap(e, "decoding seccomp profile failed"), ERR_INVALID);
    TRY(check_keys(root, NULL, keys));
    TRY(get_number(&p, root, NULL, "defaultErrnoRet", FILTER_ERRNO_MAX, &value));
    TRY(get_string(root, NULL, "defaultAction", &action));
    TRY(parse_action(&at, action, (int64_t)value, &profile.default_action));
    TRY(parse_arches(&p, root, &profile));
    TRY(parse_flags(&p, root, &profile));
    TRY(parse_rules(&p, root, &profile));
    *out = profile;
    return NULL;
}
