/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A user's seccomp profile (Docker's JSON) → struct syscall_filter_profile. Pure; the text is
 * foreign, so everything is bounded and every refusal says what is wrong with it.
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

struct parse {
    struct arena *a;
    size_t n_names;
    int64_t default_errno;
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

static struct err *bad(const char *what, const char *value)
{
    return err_new(ERR_INVALID, "decoding seccomp profile failed: %s \"%s\"", what,
                   value ? value : "");
}

static struct err *parse_action(const char *name, int64_t value, uint32_t *out)
{
    if (value < 0 || value > FILTER_ERRNO_MAX)
        return err_new(ERR_INVALID, "decoding seccomp profile failed: errno %lld is out of range",
                       (long long)value);
    for (size_t i = 0; name && i < ARRAY_LEN(actions); i++)
        if (strcmp(actions[i].name, name) == 0) {
            *out = actions[i].action | (actions[i].has_value ? (uint32_t)value : 0);
            return NULL;
        }
    return bad("unknown action", name);
}

static struct err *parse_names(struct parse *p, const struct json *rule, const char *const **out)
{
    const struct json *list = json_get(rule, "names");
    const char *single = json_str(json_get(rule, "name"));
    struct strs names = json_strs(p->a, list);

    if (single && *single && names.n)
        return err_new(ERR_INVALID, "decoding seccomp profile failed: both 'name' and 'names' were "
                                    "specified in the seccomp profile, use either 'name' or "
                                    "'names'");
    if (single && *single)
        strs_add(p->a, &names, single);
    p->n_names += names.n;
    if (p->n_names > FILTER_NAMES_MAX)
        return err_new(ERR_TOO_LARGE, "seccomp profile names more than %d system calls",
                       FILTER_NAMES_MAX);
    if (!names.v)
        names.v = arena_array(p->a, 1, sizeof(char *));
    *out = (const char *const *)names.v;
    return NULL;
}

/* JSON numbers pass through a double; the values profiles use are 32 bits wide. */
static uint64_t number(const struct json *j)
{
    double d = json_num(j);

    if (!(d > 0))
        return 0;
    return d >= 18446744073709551615.0 ? UINT64_MAX : (uint64_t)d;
}

static struct err *parse_arg(const struct json *j, struct syscall_filter_arg *out)
{
    const char *op = json_str(json_get(j, "op"));
    int64_t index = json_int(json_get(j, "index"));

    if (index < 0 || index >= FILTER_ARGS_MAX)
        return err_new(ERR_INVALID,
                       "decoding seccomp profile failed: argument index %lld is out "
                       "of range",
                       (long long)index);
    for (size_t i = 0; op && i < ARRAY_LEN(compares); i++)
        if (strcmp(compares[i].name, op) == 0) {
            *out = (struct syscall_filter_arg){
                .index = (unsigned)index,
                .op = (int)compares[i].op,
                .value = number(json_get(j, "value")),
                .value_two = number(json_get(j, "valueTwo")),
            };
            return NULL;
        }
    return bad("unknown operator", op);
}

static struct err *parse_args(struct parse *p, const struct json *list,
                              struct syscall_filter_rule *out)
{
    size_t n = json_type(list) == JSON_ARRAY ? json_len(list) : 0;
    struct syscall_filter_arg *args;

    if (n > FILTER_ARGS_MAX)
        return err_new(ERR_INVALID, "decoding seccomp profile failed: a rule has %zu arguments", n);
    if (n == 0)
        return NULL;
    args = arena_array(p->a, n, sizeof(*args));
    for (const struct json *j = json_first(list); j; j = json_next(j))
        TRY(parse_arg(j, &args[out->n_args++]));
    out->args = args;
    return NULL;
}

static struct err *parse_kernel(const char *text, struct syscall_filter_when *out)
{
    int major = 0, minor = 0, end = 0;

    if (sscanf(text, "%4d.%4d%n", &major, &minor, &end) != 2 || text[end] || major < 1 || minor < 0)
        return bad("invalid minKernel", text);
    out->kernel_major = major;
    out->kernel_minor = minor;
    return NULL;
}

static struct err *parse_when(struct parse *p, const struct json *j,
                              struct syscall_filter_when *out)
{
    struct strs caps = json_strs(p->a, json_get(j, "caps"));
    struct strs arches = json_strs(p->a, json_get(j, "arches"));
    const char *kernel = json_str(json_get(j, "minKernel"));

    for (size_t i = 0; i < caps.n; i++) {
        int n = caps_number(caps.v[i]);

        out->caps |= n < 0 ? CAP_NEVER : CAPS_BIT(n);
    }
    if (arches.n)
        out->arches = (const char *const *)arches.v;
    return kernel && *kernel ? parse_kernel(kernel, out) : NULL;
}

static struct err *parse_rule(struct parse *p, const struct json *j,
                              struct syscall_filter_rule *out)
{
    const struct json *errno_ret = json_get(j, "errnoRet");
    int64_t value = json_type(errno_ret) == JSON_NUMBER ? json_int(errno_ret) : p->default_errno;

    TRY(parse_names(p, j, &out->names));
    TRY(parse_action(json_str(json_get(j, "action")), value, &out->action));
    TRY(parse_args(p, json_get(j, "args"), out));
    TRY(parse_when(p, json_get(j, "includes"), &out->includes));
    return parse_when(p, json_get(j, "excludes"), &out->excludes);
}

static struct err *parse_rules(struct parse *p, const struct json *list,
                               struct syscall_filter_profile *out)
{
    size_t n = json_type(list) == JSON_ARRAY ? json_len(list) : 0;
    struct syscall_filter_rule *rules;

    if (n > FILTER_RULES_MAX)
        return err_new(ERR_TOO_LARGE, "seccomp profile has more than %d rules", FILTER_RULES_MAX);
    rules = arena_array(p->a, n + 1, sizeof(*rules));
    for (const struct json *j = json_first(n ? list : NULL); j; j = json_next(j))
        TRY(parse_rule(p, j, &rules[out->n_rules++]));
    out->rules = rules;
    return NULL;
}

/* "SCMP_ARCH_X86_64" → libseccomp's "x86_64". */
static struct err *add_arch(struct parse *p, struct strs *list, const char *name)
{
    char *arch;

    if (!name || !text_starts(name, "SCMP_ARCH_") || list->n >= FILTER_ARCHES_MAX)
        return bad("invalid architecture", name);
    arch = arena_strdup(p->a, name + strlen("SCMP_ARCH_"));
    text_lower(arch);
    if (seccomp_arch_resolve_name(arch) == 0)
        return bad("unknown architecture", name);
    if (!strs_has(list, arch))
        strs_add(p->a, list, arch);
    return NULL;
}

static struct err *parse_arches(struct parse *p, const struct json *root,
                                struct syscall_filter_profile *out)
{
    struct strs list = {0}, given = json_strs(p->a, json_get(root, "architectures"));
    const struct json *map = json_get(root, "archMap");

    if (given.n && json_len(map))
        return err_new(ERR_INVALID, "decoding seccomp profile failed: both 'architectures' and "
                                    "'archMap' were specified in the seccomp profile, use either "
                                    "'architectures' or 'archMap'");
    for (size_t i = 0; i < given.n; i++)
        TRY(add_arch(p, &list, given.v[i]));
    for (const struct json *j = json_first(map); j; j = json_next(j)) {
        struct strs own = {0}, subs = json_strs(p->a, json_get(j, "subArchitectures"));

        TRY(add_arch(p, &own, json_str(json_get(j, "architecture"))));
        if (seccomp_arch_resolve_name(own.v[0]) != seccomp_arch_native())
            continue;
        for (size_t i = 0; i < subs.n; i++)
            TRY(add_arch(p, &list, subs.v[i]));
    }
    if (!list.v)
        list.v = arena_array(p->a, 1, sizeof(char *)); /* none but the native one */
    out->arches = (const char *const *)list.v;
    return NULL;
}

static struct err *parse_flags(struct parse *p, const struct json *j,
                               struct syscall_filter_profile *out)
{
    struct strs flags = json_strs(p->a, j);

    if (!flags.v) /* not said: fast, as runc decides too */
        out->flags = SECCOMP_FILTER_FLAG_SPEC_ALLOW;
    for (size_t i = 0; i < flags.n; i++) {
        size_t at = 0;

        while (at < ARRAY_LEN(load_flags) && strcmp(load_flags[at].name, flags.v[i]) != 0)
            at++;
        if (at == ARRAY_LEN(load_flags))
            return bad("unknown flag", flags.v[i]);
        out->flags |= load_flags[at].flag;
    }
    return NULL;
}

struct err *syscall_filter_parse(struct arena *a, const char *json,
                                 struct syscall_filter_profile *out)
{
    struct parse p = {.a = a, .default_errno = EPERM};
    struct syscall_filter_profile profile = {0};
    const struct json *root, *errno_ret;
    struct err *e = json_parse(a, json, strlen(json), &root);
    int64_t value = EPERM;

    if (e)
        return err_as(err_wrap(e, "decoding seccomp profile failed"), ERR_INVALID);
    if (json_type(root) != JSON_OBJECT)
        return err_new(ERR_INVALID, "decoding seccomp profile failed: it is not an object");
    errno_ret = json_get(root, "defaultErrnoRet");
    if (json_type(errno_ret) == JSON_NUMBER)
        value = json_int(errno_ret);
    TRY(parse_action(json_str(json_get(root, "defaultAction")), value, &profile.default_action));
    TRY(parse_arches(&p, root, &profile));
    TRY(parse_flags(&p, json_get(root, "flags"), &profile));
    TRY(parse_rules(&p, json_get(root, "syscalls"), &profile));
    *out = profile;
    return NULL;
}
