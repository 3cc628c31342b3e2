/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lint of FROM: the names it uses, its platform, and what it is without --build-arg. Pure.
 */
#include "linter.h"

#include "base/ref.h"

#include "reader.h"

#include <string.h>

static void check_missing(struct linter *l, const struct stage *st)
{
    const struct strs *missing = scope_missing(l->global);
    struct strs known = {0};

    for (size_t i = 0; i < missing->n; i++) {
        if (!known.v)
            known = scope_names(l->global, l->a);
        lint_warn(l, UNDEFINED_ARG_IN_FROM, st->from.where, "FROM argument '%s' is not declared%s",
                  missing->v[i],
                  suggestion(l->a, missing->v[i], (const char *const *)known.v, known.n, true));
    }
}

static const char *usual_arch(const char *s)
{
    static const char *const names[][2] = {
        {"x86_64", "amd64"}, {"x86-64", "amd64"}, {"aarch64", "arm64"}, {"i386", "386"}};

    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (!strcmp(s, names[i][0]))
            return names[i][1];
    return s;
}

/* A stage whose name has the platform in it is meant for that one. */
static bool name_tells_platform(struct arena *a, const char *name, const char *platform)
{
    struct strs part = text_split(a, platform, '/');

    for (size_t i = 0; name && i < part.n && i < 2; i++)
        if (strstr(name, usual_arch(part.v[i])))
            return true;
    return false;
}

static struct err *check_platform(struct linter *l, const struct stage *st)
{
    struct stage alone = {.base = "scratch", .platform = st->platform};
    const struct strs *used = scope_used(l->global), *missing = scope_missing(l->global);
    char *base, *platform;

    if (!st->platform)
        return NULL;
    TRY(scope_expand_from(l->global, &alone, &base, &platform));
    if (used->n == 1 && !missing->n && !strcmp(used->v[0], "TARGETPLATFORM") &&
        (!strcmp(st->platform, "$TARGETPLATFORM") || !strcmp(st->platform, "${TARGETPLATFORM}")))
        lint_warn(l, REDUNDANT_TARGET_PLATFORM, st->from.where,
                  "Setting platform to predefined %s in FROM is redundant as this is the default "
                  "behavior",
                  st->platform);
    if (!used->n && !missing->n && !name_tells_platform(l->a, st->name, platform))
        lint_warn(l, FROM_PLATFORM_FLAG_CONST_DISALLOWED, st->from.where,
                  "FROM --platform flag should not use constant value \"%s\"", platform);
    return NULL;
}

struct err *lint_from(struct linter *l, const struct stage *st, char **out_base)
{
    char *platform;
    struct err *e;

    *l->where = st->from.where;
    e = scope_expand_from(l->global, st, out_base, &platform);
    check_missing(l, st);
    if (e)
        return e;
    return check_platform(l, st);
}

/* A file that cannot be opened without --build-arg is judged when it is opened with them. */
void lint_default_args(struct linter *l)
{
    struct scope_options o = *l->in->scope;
    struct scope *defaults;
    struct err *e;

    o.build_args = NULL;
    e = scope_open(l->a, l->d, &o, &defaults);
    if (e) {
        err_drop(e);
        return;
    }
    for (size_t i = 0; i < l->d->n_stages; i++) {
        const struct stage *st = &l->d->stages[i];
        struct stage alone = {.base = st->base};
        char *base, *platform;
        struct ref r;

        e = scope_expand_from(defaults, &alone, &base, &platform);
        if (!e)
            e = ref_parse(l->a, base, &r);
        if (e)
            lint_warn(l, INVALID_DEFAULT_ARG_IN_FROM, st->from.where,
                      "Default value for ARG %s results in empty or invalid base image name",
                      st->base);
        err_drop(e);
    }
}
