/* SPDX-License-Identifier: Apache-2.0 */
#include "build_secrets.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "base/json.h"

struct secret_spec {
    char *type, *id, *source, *env;
};

static struct err *take_field(struct secret_spec *s, const char *spec, char *field)
{
    const struct {
        const char *name;
        char **to;
    } known[] = {{"type", &s->type},
                 {"id", &s->id},
                 {"source", &s->source},
                 {"src", &s->source},
                 {"env", &s->env}};
    char *is = strchr(field, '=');

    if (!is)
        return err_new(ERR_INVALID, "invalid field '%s' must be a key=value pair", field);
    *is = '\0';
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        if (strcmp(field, known[i].name) != 0)
            continue;
        *known[i].to = is + 1;
        return NULL;
    }
    return err_new(ERR_INVALID, "unexpected key '%s' in '%s'", field, spec);
}

static struct err *parse(struct arena *a, const char *spec, struct secret_spec *out)
{
    struct strs fields = text_split(a, spec, ',');

    *out = (struct secret_spec){0};
    for (size_t i = 0; i < fields.n; i++)
        TRY(take_field(out, spec, fields.v[i]));
    if (text_is_empty(out->id))
        return err_new(ERR_INVALID, "secret missing id in '%s'", spec);
    if (!text_is_empty(out->type) && !text_same(out->type, "file") && !text_same(out->type, "env"))
        return err_new(ERR_INVALID, "unsupported secret type '%s': file and env are known",
                       out->type);
    if (text_same(out->type, "env") && !out->env) { /* Docker reads src=VAR as the variable, too */
        out->env = out->source ? out->source : out->id;
        out->source = NULL;
    }
    return NULL;
}

static struct err *value_of(struct arena *a, const struct secret_spec *s, char **value, size_t *n)
{
    const char *env = s->env ? s->env : s->source || text_same(s->type, "file") ? NULL : s->id;
    const char *said = env ? getenv(env) : NULL;
    const char *path = s->source ? s->source : s->id;
    struct err *e;

    if (said || s->env) {
        if (!said)
            return err_new(ERR_INVALID, "secret %s: the variable %s is not set", s->id, s->env);
        *value = arena_strdup(a, said);
        *n = strlen(said);
        return NULL;
    }
    e = file_read(a, AT_FDCWD, path, BUILD_SECRETS_BYTES_MAX, value, n);
    return e ? err_wrap(e, "secret %s cannot be read", s->id) : NULL;
}

static struct err *add(struct arena *a, struct jw *w, const char *spec, struct strs *ids,
                       size_t *total)
{
    struct secret_spec s;
    char *value;
    size_t n;

    TRY(parse(a, spec, &s));
    if (strs_has(ids, s.id))
        return err_new(ERR_INVALID, "secret %s is given twice", s.id);
    strs_add(a, ids, s.id);
    TRY(value_of(a, &s, &value, &n));
    *total += n;
    if (*total > BUILD_SECRETS_BYTES_MAX)
        return err_new(ERR_TOO_LARGE, "the secrets of a build have more than %u bytes",
                       BUILD_SECRETS_BYTES_MAX);
    jw_str(w, s.id, text_to_base64(a, value, n, true));
    return NULL;
}

struct err *build_secrets_read(struct arena *a, const struct strs *specs, char **out)
{
    autobuf struct buf json = {0};
    struct jw w = {.out = &json};
    struct strs ids = {0};
    size_t total = 0;

    *out = NULL;
    if (!specs->n)
        return NULL;
    jw_obj(&w, NULL);
    for (size_t i = 0; i < specs->n; i++)
        TRY(add(a, &w, specs->v[i], &ids, &total));
    jw_obj_end(&w);
    *out = text_to_base64(a, json.data, json.len, true);
    return NULL;
}
