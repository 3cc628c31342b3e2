/* SPDX-License-Identifier: Apache-2.0 */
/*
 * As docker's command line does it. Proxies are variables of containers and arguments of builds, in
 * both cases of letters, where nobody has set them; those of "default" but for an engine that has
 * its own.
 */
#include "config_defaults.h"

#include "base/flags.h"

#include "commands.h"
#include "config_file.h"

#include <string.h>

static const struct flag *flag_of(const struct flag *flags, const char *name)
{
    for (; flags && flags->name; flags++)
        if (!strcmp(flags->name, name))
            return flags;
    return NULL;
}

static void *value_of(const struct flag *f, void *options)
{
    return (char *)options + f->offset;
}

static void set_text(struct cli *cli, const struct flag *f, void *options, const char *key)
{
    char **value = f && f->type == FLAG_TEXT ? value_of(f, options) : NULL;
    const char *text;

    if (!value || !text_is_empty(*value))
        return;
    text = json_str(json_get(config_file_look(cli), key));
    if (!text_is_empty(text))
        *value = arena_strdup(cli->arena, text);
}

static void set_format(struct cli *cli, command_fn command, const struct flag *flags, void *options)
{
    static const struct {
        command_fn command;
        const char *key;
    } formats[] = {
        {cmd_ps, "psFormat"},
        {cmd_images, "imagesFormat"},
        {cmd_network_ls, "networksFormat"},
        {cmd_volume_ls, "volumesFormat"},
        {cmd_stats, "statsFormat"},
    };
    const struct flag *quiet = flag_of(flags, "quiet");

    if (quiet && *(bool *)value_of(quiet, options))
        return;
    for (size_t i = 0; i < ARRAY_LEN(formats); i++)
        if (formats[i].command == command)
            set_text(cli, flag_of(flags, "format"), options, formats[i].key);
}

static bool is_set(const struct strs *list, const char *name)
{
    size_t n = strlen(name);

    for (size_t i = 0; i < list->n; i++)
        if (!strncmp(list->v[i], name, n) && (!list->v[i][n] || list->v[i][n] == '='))
            return true;
    return false;
}

static const struct json *proxies_of(struct cli *cli)
{
    const struct json *all = json_get(config_file_look(cli), "proxies"), *own = NULL;

    for (const struct json *m = json_first(all); m; m = json_next(m))
        if (!strcmp(json_key(m), cli->host) || (!own && !strcmp(json_key(m), "default")))
            own = m;
    return own;
}

static void add_proxies(struct cli *cli, struct strs *list)
{
    static const struct {
        const char *key, *names[2];
    } kinds[] = {
        {"httpProxy", {"HTTP_PROXY", "http_proxy"}}, {"httpsProxy", {"HTTPS_PROXY", "https_proxy"}},
        {"noProxy", {"NO_PROXY", "no_proxy"}},       {"ftpProxy", {"FTP_PROXY", "ftp_proxy"}},
        {"allProxy", {"ALL_PROXY", "all_proxy"}},
    };
    const struct json *proxies = proxies_of(cli);

    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        const char *value = json_str(json_get(proxies, kinds[i].key));

        for (size_t k = 0; k < 2 && !text_is_empty(value); k++)
            if (!is_set(list, kinds[i].names[k]))
                strs_add(cli->arena, list,
                         arena_printf(cli->arena, "%s=%s", kinds[i].names[k], value));
    }
}

/* "label=x" of one beside "label!=x" of the other: the command line counts. */
static bool contradicts(struct arena *a, const struct strs *list, const char *filter)
{
    const char *rest;

    if (text_starts(filter, "label!="))
        return strs_has(list, arena_printf(a, "label=%s", filter + strlen("label!=")));
    rest = text_starts(filter, "label=") ? filter + strlen("label=") : NULL;
    return rest && strs_has(list, arena_printf(a, "label!=%s", rest));
}

/* Those of the command line may contradict some, but not those of config.json one another. */
static void add_filters(struct cli *cli, struct strs *list)
{
    const struct json *all = json_get(config_file_look(cli), "pruneFilters");
    const struct strs given = {.v = list->v, .n = list->n};

    for (const struct json *m = json_first(all); m; m = json_next(m)) {
        const char *filter = json_str(m);

        if (!text_is_empty(filter) && !contradicts(cli->arena, &given, filter))
            strs_add(cli->arena, list, arena_strdup(cli->arena, filter));
    }
}

void config_defaults(struct cli *cli, command_fn command, const struct flag *flags, void *options)
{
    bool is_run = command == cmd_run || command == cmd_create;
    const struct flag *list = is_run                 ? flag_of(flags, "env")
                              : command == cmd_build ? flag_of(flags, "build-arg")
                                                     : NULL;

    set_format(cli, command, flags, options);
    set_text(cli, flag_of(flags, "detach-keys"), options, "detachKeys");
    if (list)
        add_proxies(cli, value_of(list, options));
    if (command == cmd_prune || command == cmd_system_prune)
        add_filters(cli, value_of(flag_of(flags, "filter"), options));
}
