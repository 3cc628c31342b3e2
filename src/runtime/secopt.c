/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Security options as clients send them: "key=value", with the legacy "key:value"
 * still in use ("seccomp:unconfined"). A profile arrives as JSON text inside the
 * option. Pure, any thread.
 *
 * The separator is the first '=' or ':' of the whole option; JSON has both inside.
 */
#include "secopt.h"

#include <string.h>

static struct err *set_seccomp(struct secopt *o, const char *value)
{
    o->filter_is_given = true;
    if (strcmp(value, "unconfined") == 0)
        o->filter = SECOPT_UNCONFINED;
    else if (strcmp(value, "builtin") == 0)
        o->filter = SECOPT_DEFAULT;
    else
        o->filter = SECOPT_PROFILE;
    o->profile = o->filter == SECOPT_PROFILE ? value : NULL;
    return NULL;
}

static struct err *parse_bool(const char *option, const char *value, bool *out)
{
    if (!text_to_bool(value, out))
        return err_new(ERR_INVALID, "invalid --security-opt 2: \"%s\"", option);
    return NULL;
}

static struct err *set_label(struct secopt *o, const char *value)
{
    TRY(label_options_add(&o->label, value));
    if (!o->first_label && strcmp(value, "disable") != 0)
        o->first_label = value;
    return NULL;
}

static struct err *set_option(struct secopt *o, const char *option, const char *key,
                              const char *value)
{
    if (strcmp(key, "seccomp") == 0)
        return set_seccomp(o, value);
    if (strcmp(key, "no-new-privileges") == 0)
        return parse_bool(option, value, &o->no_new_privs);
    if (strcmp(key, "writable-cgroups") == 0)
        return parse_bool(option, value, &o->writable_cgroups);
    if (strcmp(key, "label") == 0)
        return set_label(o, value);
    if (strcmp(key, "apparmor") == 0) {
        if (*value)
            o->apparmor = value;
        return NULL;
    }
    return err_new(ERR_INVALID, "invalid --security-opt 2: \"%s\"", option);
}

struct err *secopt_parse(struct arena *a, const struct strs *options, struct secopt *out)
{
    struct secopt o = {0};

    for (size_t i = 0; options && i < options->n; i++) {
        const char *option = options->v[i];
        size_t n = strcspn(option, "=:");

        if (strcmp(option, "no-new-privileges") == 0) {
            o.no_new_privs = true;
            continue;
        }
        if (strcmp(option, "disable") == 0) { /* an old spelling of label=disable */
            TRY(set_label(&o, option));
            continue;
        }
        if (option[n] == '\0')
            return err_new(ERR_INVALID, "invalid --security-opt 1: \"%s\"", option);
        TRY(set_option(&o, option, arena_strndup(a, option, n), option + n + 1));
    }
    *out = o;
    return NULL;
}
