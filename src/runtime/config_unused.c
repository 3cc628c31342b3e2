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

/* Members of a Config that are of a container, which an image's configuration does not have. */
static const char *const of_containers[] = {
    "Hostname",  "Domainname", "AttachStdin", "AttachStdout",    "AttachStderr", "Tty",
    "OpenStdin", "StdinOnce",  "Image",       "NetworkDisabled", "MacAddress",   "StopTimeout",
};

struct unused_lines {
    struct arena *a;
    struct strs *out;
    size_t n;
};

static const char no_field[] = "there is no such field";

static void add_line(struct unused_lines *l, const char *path, const char *why)
{
    const char *line;

    if (!why || l->n == LINES_MAX)
        return;
    line = arena_printf(l->a, "%s has no effect: %s", path, why);
    if (strs_has(l->out, line))
        return;
    strs_add(l->a, l->out, line);
    l->n++;
}

static void look(void *ctx, const char *path, bool is_known)
{
    const char *why = is_known ? NULL : no_field;

    for (size_t i = 0; i < ARRAY_LEN(unused); i++)
        if (strcmp(unused[i].path, path) == 0)
            why = unused[i].why;
    add_line(ctx, path, why);
}

static void look_for_image(void *ctx, const char *path, bool is_known)
{
    const char *why = is_known ? NULL : no_field;

    for (size_t i = 0; i < ARRAY_LEN(of_containers); i++)
        if (strcmp(of_containers[i], path) == 0)
            why = "it is of a container, and an image has none";
    add_line(ctx, path, why);
}

void config_warn_unused(struct arena *a, const struct json *request,
                        const struct jtable *const *tables, struct strs *out)
{
    json_visit(request, tables, look, &(struct unused_lines){a, out, 0});
}

void config_warn_unused_by_image(struct arena *a, const struct json *config, struct strs *out)
{
    const struct jtable *const tables[] = {&config_json, NULL};

    json_visit(config, tables, look_for_image, &(struct unused_lines){a, out, 0});
}
