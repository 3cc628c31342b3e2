/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flags of instructions: which an instruction has, and where their values go. Pure, any thread.
 */
#include "instruction.h"

#include "base/clock.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

enum flag_kind { ONE, MANY, SWITCH, TRISTATE, INTERVAL, COUNT };

/* Where a value goes: an offset in struct instruction. */
struct row {
    enum instruction_type type;
    const char *name;
    enum flag_kind kind;
    size_t offset;
};
#define ROW(t, n, k, member)                                                                       \
    {                                                                                              \
        t, n, k, offsetof(struct instruction, member)                                              \
    }
#define NOWHERE ((size_t)-1)

static const struct row rows[] = {
    ROW(INS_ADD, "chown", ONE, copy.chown),
    ROW(INS_ADD, "chmod", ONE, copy.chmod),
    ROW(INS_ADD, "checksum", ONE, copy.checksum),
    ROW(INS_ADD, "exclude", MANY, copy.excludes),
    ROW(INS_ADD, "keep-git-dir", SWITCH, copy.keep_git_dir),
    ROW(INS_ADD, "link", SWITCH, copy.link),
    ROW(INS_ADD, "unpack", TRISTATE, copy.unpack),
    ROW(INS_COPY, "from", ONE, copy.from),
    ROW(INS_COPY, "chown", ONE, copy.chown),
    ROW(INS_COPY, "chmod", ONE, copy.chmod),
    ROW(INS_COPY, "exclude", MANY, copy.excludes),
    ROW(INS_COPY, "link", SWITCH, copy.link),
    ROW(INS_COPY, "parents", SWITCH, copy.parents),
    {INS_FROM, "platform", ONE, NOWHERE}, /* the stage takes it */
    ROW(INS_HEALTHCHECK, "interval", INTERVAL, health.interval_ns),
    ROW(INS_HEALTHCHECK, "timeout", INTERVAL, health.timeout_ns),
    ROW(INS_HEALTHCHECK, "start-period", INTERVAL, health.start_period_ns),
    ROW(INS_HEALTHCHECK, "start-interval", INTERVAL, health.start_interval_ns),
    ROW(INS_HEALTHCHECK, "retries", COUNT, health.retries),
    ROW(INS_RUN, "mount", MANY, run.mounts),
    ROW(INS_RUN, "device", MANY, run.devices),
    ROW(INS_RUN, "network", ONE, run.network),
    ROW(INS_RUN, "security", ONE, run.security),
};

const char *ins_flag_value(const struct instruction *in, const char *name)
{
    for (size_t i = 0; i < in->n_flags; i++)
        if (!strcmp(in->flags[i].name, name))
            return in->flags[i].value;
    return NULL;
}

static const struct row *find_row(enum instruction_type type, const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (rows[i].type == type && !strcmp(rows[i].name, name))
            return &rows[i];
    return NULL;
}

static struct err *unknown_flag(const struct reading *g, const char *name,
                                const struct text_word *w)
{
    const char *known[ARRAY_LEN(rows)];
    size_t n = 0;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (rows[i].type == g->in->type)
            known[n++] = rows[i].name;
    return parse_error(g->r, g->j, w->at, w->n, "unknown flag: --%s%s", name,
                       suggestion(g->r->a, name, known, n, true));
}

static const char *switch_error(struct arena *a, const struct ins_flag *f, bool *out)
{
    if (!f->value || !strcasecmp(f->value, "true")) {
        *out = true;
        return NULL;
    }
    *out = false;
    if (!*f->value)
        return arena_printf(a, "missing a value on flag: %s", f->name);
    if (strcasecmp(f->value, "false") != 0)
        return arena_printf(a, "expecting boolean value for flag %s, not: %s", f->name, f->value);
    return NULL;
}

static const char *interval_error(struct arena *a, const struct ins_flag *f, int64_t *out)
{
    int64_t ns = 0;

    if (*f->value && !clock_from_duration(f->value, &ns))
        return arena_printf(a, "time: %s duration %s",
                            f->value[strspn(f->value, "+-.0123456789")] ? "invalid"
                                                                        : "missing unit in",
                            quoted(a, f->value));
    if (ns && ns < NS_PER_MS)
        return arena_printf(a, "Interval \"%s\" cannot be less than 1ms", f->name);
    *out = ns;
    return NULL;
}

static const char *count_error(struct arena *a, const struct ins_flag *f, int *out)
{
    int64_t n = 0;

    if (*f->value && !text_to_i64(f->value, &n))
        return arena_printf(a, "strconv.ParseInt: parsing %s: invalid syntax", quoted(a, f->value));
    if (n != (int32_t)n)
        return arena_printf(a, "strconv.ParseInt: parsing %s: value out of range",
                            quoted(a, f->value));
    if (n < 0)
        return arena_printf(a, "--retries cannot be negative (%" PRId64 ")", n);
    *out = (int)n;
    return NULL;
}

/* What is wrong with a value; NULL: it is stored. */
static const char *store(struct arena *a, const struct row *row, const struct ins_flag *f,
                         struct instruction *in)
{
    void *to = row->offset == NOWHERE ? NULL : (char *)in + row->offset;
    const char *wrong;
    bool is_on;

    if (row->kind == SWITCH || row->kind == TRISTATE) {
        wrong = switch_error(a, f, &is_on);
        if (row->kind == SWITCH)
            *(bool *)to = is_on;
        else
            *(int *)to = is_on ? 1 : -1;
        return wrong;
    }
    if (!f->value)
        return arena_printf(a, "missing a value on flag: %s", f->name);
    if (!to)
        return NULL;
    switch (row->kind) {
    case MANY:
        strs_add(a, to, f->value);
        return NULL;
    case INTERVAL:
        return interval_error(a, f, to);
    case COUNT:
        return count_error(a, f, to);
    default:
        *(char **)to = *f->value ? f->value : NULL;
        return NULL;
    }
}

struct err *ins_flags_apply(struct reading *g)
{
    struct instruction *in = g->in;
    bool is_given[ARRAY_LEN(rows)] = {0};

    if (in->n_flags > DOCKERFILE_WORDS_MAX)
        return parse_too_much(g->r, g->j->where, "%s has more than %d flags",
                              instruction_name(in->type), DOCKERFILE_WORDS_MAX);
    for (size_t i = 0; i < in->n_flags; i++) {
        const struct text_word *w = &g->flags.v[i];
        const struct row *row = find_row(in->type, in->flags[i].name);
        const char *wrong;

        if (!row)
            return unknown_flag(g, in->flags[i].name, w);
        if (is_given[row - rows] && row->kind != MANY)
            return parse_error(g->r, g->j, w->at, w->n, "duplicate flag specified: %s",
                               in->flags[i].name);
        is_given[row - rows] = true;
        wrong = store(g->r->a, row, &in->flags[i], in);
        if (wrong)
            return parse_error(g->r, g->j, w->at, w->n, "%s", wrong);
    }
    return NULL;
}
