/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a request says and nothing does: fields of Docker's that have no meaning here, and fields
 * that nobody knows, most of them misspelt. Go ignores both; here each is a line of Warnings.
 * docs/API.md has all fields. Pure, any thread.
 *
 * A field that is refused, or that is warned of beside what it does, is no row of this table.
 */
#include "runtime/config.h"

#include <string.h>

#define LINES_MAX 16

#define WINDOWS "it is for Windows"
#define ENDPOINT "NetworkingConfig.EndpointsConfig."
#define SET_BY_ENGINE "the engine sets it when the container starts"

static const struct {
    const char *path, *why;
} unused[] = {
    {"ArgsEscaped", WINDOWS},
    {"OnBuild", "it is run when an image is built from this one"},
    {"HostConfig.Cgroup", "the engine chooses the cgroup: use CgroupParent and CgroupnsMode"},
    {"HostConfig.CpuCount", WINDOWS},
    {"HostConfig.CpuPercent", WINDOWS},
    {"HostConfig.IOMaximumIOps", WINDOWS},
    {"HostConfig.IOMaximumBandwidth", WINDOWS},
    {ENDPOINT "NetworkID", SET_BY_ENGINE},
    {ENDPOINT "EndpointID", SET_BY_ENGINE},
    {ENDPOINT "Gateway", SET_BY_ENGINE},
    {ENDPOINT "IPAddress", SET_BY_ENGINE ": ask for one by IPAMConfig"},
    {ENDPOINT "IPPrefixLen", SET_BY_ENGINE},
    {ENDPOINT "IPv6Gateway", SET_BY_ENGINE},
    {ENDPOINT "GlobalIPv6Address", SET_BY_ENGINE ": ask for one by IPAMConfig"},
    {ENDPOINT "GlobalIPv6PrefixLen", SET_BY_ENGINE},
    {ENDPOINT "DNSNames", SET_BY_ENGINE ": ask for them by Aliases"},
};

struct unused_lines {
    struct arena *a;
    struct strs *out;
    size_t n;
};

static void look(void *ctx, const char *path, bool is_known)
{
    struct unused_lines *l = ctx;
    const char *why = is_known ? NULL : "there is no such field";
    const char *line;

    for (size_t i = 0; i < ARRAY_LEN(unused); i++)
        if (strcmp(unused[i].path, path) == 0)
            why = unused[i].why;
    if (!why || l->n == LINES_MAX)
        return;
    line = arena_printf(l->a, "%s has no effect: %s", path, why);
    if (strs_has(l->out, line))
        return;
    strs_add(l->a, l->out, line);
    l->n++;
}

void config_warn_unused(struct arena *a, const struct json *request,
                        const struct jtable *const *tables, struct strs *out)
{
    json_visit(request, tables, look, &(struct unused_lines){a, out, 0});
}
