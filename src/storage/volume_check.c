/* SPDX-License-Identifier: Apache-2.0 */
/* What a volume may be called and which options the local driver takes. Pure. */
#include <string.h>

#include "volume_table.h"

enum { NAME_MAX_BYTES = 255 };

static bool is_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

struct err *volume_check_name(const char *name)
{
    size_t n = strlen(name);
    bool is_ok = is_alnum(name[0]);

    if (n == 1)
        return err_new(ERR_INVALID, "volume name is too short, names should be at least two "
                                    "alphanumeric characters");
    for (size_t i = 1; is_ok && i < n; i++)
        is_ok = is_alnum(name[i]) || strchr("_.-", name[i]);
    if (!is_ok)
        return err_new(ERR_INVALID,
                       "\"%.300s\" includes invalid characters for a local volume name, only "
                       "\"[a-zA-Z0-9][a-zA-Z0-9_.-]\" are allowed. If you intended to pass a host "
                       "directory, use absolute path",
                       name);
    if (n > NAME_MAX_BYTES)
        return err_new(ERR_INVALID, "volume name is too long, names should be at most %d bytes",
                       NAME_MAX_BYTES);
    return NULL;
}

/* An option of the first column needs one of the second. */
static const struct {
    const char *option, *needs;
} needed[] = {
    {"device", "type"},
    {"type", "device"},
    {"o", "device"},
    {"o", "type"},
};

struct err *volume_check_options(const struct pairs *options)
{
    for (size_t i = 0; i < options->n; i++) {
        const char *key = options->v[i].key;

        if (!strcmp(key, "size"))
            return err_new(ERR_INVALID, "quota size requested but no quota support");
        if (strcmp(key, "type") && strcmp(key, "device") && strcmp(key, "o"))
            return err_new(ERR_INVALID, "invalid option: \"%s\"", key);
    }
    for (size_t i = 0; i < ARRAY_LEN(needed); i++)
        if (pairs_get(options, needed[i].option) && !pairs_get(options, needed[i].needs))
            return err_new(ERR_INVALID, "missing required option: \"%s\"", needed[i].needs);
    return NULL;
}
