/* SPDX-License-Identifier: Apache-2.0 */
/* -e, --env-file, --label, --label-file and other key=value options. Reads the named files. */
#include "options.h"

#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#define FILE_MAX (1u << 20)

/* A bare NAME takes the caller's variable. Without one it removes the image's, as Docker has it:
 * but not when it is from a file. */
static struct err *add_env(struct arena *a, const char *entry, bool is_of_file, struct strs *out)
{
    const char *value;

    if (!entry[0] || entry[0] == '=')
        return err_new(ERR_INVALID, "invalid environment variable: %s", entry);
    if (strchr(entry, '=')) {
        strs_add(a, out, entry);
        return NULL;
    }
    value = getenv(entry);
    if (value)
        strs_add(a, out, arena_printf(a, "%s=%s", entry, value));
    else if (!is_of_file)
        strs_add(a, out, entry);
    return NULL;
}

/* Lines without comments and blanks; leading space is dropped as Docker does it. */
static struct err *read_lines(struct arena *a, const char *path, struct strs *out)
{
    char *text = NULL;
    struct strs lines;
    size_t len;

    struct err *e = file_read(a, AT_FDCWD, path, FILE_MAX, &text, &len);
    if (e && err_kind(e) == ERR_NOT_FOUND) {
        err_drop(e);
        return err_new(ERR_NOT_FOUND, "open %s: no such file or directory", path);
    }
    TRY(e);
    lines = text_split(a, text, '\n');
    for (size_t i = 0; i < lines.n; i++) {
        char *line = lines.v[i] + strspn(lines.v[i], " \t");
        size_t n = strlen(line), name = strcspn(line, "=");

        if (n && line[n - 1] == '\r')
            line[n - 1] = '\0';
        if (!line[0] || line[0] == '#')
            continue;
        if (!name)
            return err_new(ERR_INVALID, "invalid env file (%s): no variable name on line '%s'",
                           path, line);
        if (strcspn(line, " \t") < name)
            return err_new(ERR_INVALID,
                           "invalid env file (%s): variable '%.*s' contains whitespaces", path,
                           (int)name, line);
        strs_add(a, out, line);
    }
    return NULL;
}

struct err *env_parse(struct arena *a, const struct strs *files, const struct strs *values,
                      struct strs *out)
{
    struct strs lines = {0};

    for (size_t i = 0; i < files->n; i++)
        TRY(read_lines(a, files->v[i], &lines));
    for (size_t i = 0; i < lines.n; i++)
        TRY(add_env(a, lines.v[i], true, out));
    for (size_t i = 0; i < values->n; i++)
        TRY(add_env(a, values->v[i], false, out));
    return NULL;
}

static struct err *check_label(const char *label)
{
    const char *key = label + strspn(label, " \t\n");
    size_t n = strcspn(key, "=");

    if (n == 0)
        return err_new(ERR_INVALID, "invalid label '%s': empty name", label);
    if (strcspn(key, " \t\n") < n)
        return err_new(ERR_INVALID, "label '%.*s' contains whitespaces", (int)n, key);
    return NULL;
}

struct err *labels_parse(struct arena *a, const struct strs *files, const struct strs *values,
                         struct pairs *out)
{
    struct strs lines = {0};

    for (size_t i = 0; i < files->n; i++)
        TRY(read_lines(a, files->v[i], &lines));
    for (size_t i = 0; i < lines.n; i++)
        if (strchr(lines.v[i], '=')) /* a bare name of a file is none, as in Docker */
            pairs_set_text(a, out, lines.v[i]);
    for (size_t i = 0; i < values->n; i++) {
        TRY(check_label(values->v[i]));
        pairs_set_text(a, out, values->v[i]);
    }
    return NULL;
}

struct err *pairs_parse(struct arena *a, const struct strs *values, const char *what,
                        struct pairs *out)
{
    for (size_t i = 0; i < values->n; i++) {
        if (!strchr(values->v[i], '='))
            return err_new(ERR_INVALID, "invalid %s: %s: expected key=value", what, values->v[i]);
        pairs_set_text(a, out, values->v[i]);
    }
    return NULL;
}

static struct err *add_security(struct arena *a, const char *opt, struct strs *out, bool *unmasks)
{
    const char *sign = strchr(opt, '=') ? strchr(opt, '=') : strchr(opt, ':');
    const char *key = sign ? arena_strndup(a, opt, (size_t)(sign - opt)) : opt;
    char *profile = NULL;
    size_t len;

    if (!sign && strcmp(opt, "no-new-privileges") != 0)
        return err_new(ERR_INVALID, "Invalid --security-opt: \"%s\"", opt);
    if (strcmp(key, "systempaths") == 0 && strcmp(sign + 1, "unconfined") == 0) {
        *unmasks = true;
        return NULL;
    }
    if (strcmp(key, "seccomp") == 0 && strcmp(sign + 1, "unconfined") != 0 &&
        strcmp(sign + 1, "builtin") != 0 && sign[1] != '{') {
        struct err *e = file_read(a, AT_FDCWD, sign + 1, FILE_MAX, &profile, &len);

        if (e)
            return err_wrap(e, "opening seccomp profile (%s) failed", sign + 1);
        opt = arena_printf(a, "seccomp=%s", profile);
    }
    strs_add(a, out, opt);
    return NULL;
}

struct err *security_parse(struct arena *a, const struct strs *values, struct strs *out,
                           bool *out_unmasks)
{
    for (size_t i = 0; i < values->n; i++)
        TRY(add_security(a, values->v[i], out, out_unmasks));
    return NULL;
}
