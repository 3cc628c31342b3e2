/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What requests are called in policies and in the trail: the noun of the path and its last word.
 * Pure.
 */
#include "command.h"

#include <string.h>

#include "api/commands.h"
#include "runtime/policy.h"

#include "api.h"

/* "/containers/{}/start" → "container start"; a DELETE without a word of its own removes. */
static char *name_of(struct arena *a, const char *method, const char *pattern, bool is_unlink)
{
    struct strs parts = text_split(a, pattern + 1, '/');
    char *noun = arena_strdup(a, parts.n ? parts.v[0] : ""), *verb = NULL;

    for (size_t i = 1; i < parts.n && !verb; i++)
        if (*parts.v[i] && *parts.v[i] != '{')
            verb = parts.v[i];
    if (text_ends(noun, "s") && strcmp(noun, "plugins") != 0)
        noun[strlen(noun) - 1] = '\0';
    if (!verb && strcmp(method, "DELETE") == 0)
        verb = arena_strdup(a, is_unlink ? "unlink" : "remove");
    if (!verb)
        return noun;
    return arena_printf(a, "%s %s", noun, verb);
}

/* "/containers/web/db" is a name of a container, which is removed unless link=1 says otherwise. */
char *command_of_request(struct arena *a, const struct request *r)
{
    const char *pattern = r->match.route ? r->match.route->pattern : "/";
    bool is_unlink = r->match.args[0] && r->match.args[1] && query_is_true(&r->query, "link");

    return name_of(a, r->method, pattern, is_unlink);
}

struct err *commands_check(const struct policy *p)
{
    autoarena struct arena *a = arena_create();
    struct strs known = {0};
    const char *unknown;

    for (const struct route *r = api_routes; r->method; r++)
        strs_add(a, &known, name_of(a, r->method, r->pattern, false));
    strs_add(a, &known, "container unlink");
    unknown = policy_find_unknown_command(p, &known);
    if (!unknown)
        return NULL;
    return err_new(ERR_INVALID,
                   "the policy denies \"%s\", which no command is called: they are nouns and the "
                   "last word of the API's path, like \"image create\" for a pull",
                   unknown);
}
