/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading /proc/self/mountinfo for cgroup hierarchies. Controllers may be mounted
 * together (cpu,cpuacct) and one hierarchy may be mounted twice; on hybrid hosts an
 * empty v2 stands beside v1 and is not used. Pure.
 */
#include "cgroup_tree.h"

#include <string.h>

static unsigned controllers_of(struct arena *a, const char *options)
{
    struct strs words = text_split(a, options, ',');
    unsigned mask = 0;

    for (int c = 0; c < N_CONTROLLERS; c++)
        if (strs_has(&words, controller_names[c]))
            mask |= 1u << c;
    return mask;
}

/* One that tells the hierarchy from the others: a controller, or "name=systemd". */
static const char *name_of(struct arena *a, const char *options)
{
    struct strs words = text_split(a, options, ',');

    for (size_t i = 0; i < words.n; i++)
        if (text_starts(words.v[i], "name="))
            return words.v[i];
    for (int c = 0; c < N_CONTROLLERS; c++)
        if (strs_has(&words, controller_names[c]))
            return controller_names[c];
    return words.n ? words.v[words.n - 1] : "";
}

/* The kernel writes space, tab, newline and backslash as \ooo. */
static char *unescape(struct arena *a, const char *s)
{
    char *out = arena_strdup(a, s);
    char *to = out;

    for (; *s; s++) {
        if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] >= '0' && s[2] <= '7' &&
            s[3] >= '0' && s[3] <= '7') {
            *to++ = (char)((s[1] - '0') * 64 + (s[2] - '0') * 8 + (s[3] - '0'));
            s += 3;
        } else {
            *to++ = *s;
        }
    }
    *to = '\0';
    return out;
}

/* id parent major:minor root mountpoint options [optional...] - type source superoptions */
static bool line_parse(struct arena *a, const char *line, const char **out_device,
                       struct cgroup_mount *out)
{
    struct strs f = text_split(a, line, ' ');
    size_t dash = 6;

    while (dash < f.n && strcmp(f.v[dash], "-") != 0)
        dash++;
    if (f.n < 7 || dash + 3 >= f.n)
        return false;
    if (strcmp(f.v[dash + 1], "cgroup") != 0 && strcmp(f.v[dash + 1], "cgroup2") != 0)
        return false;
    *out_device = f.v[2];
    out->path = unescape(a, f.v[4]);
    out->is_v2 = f.v[dash + 1][6] == '2';
    out->controllers = out->is_v2 ? 0 : controllers_of(a, f.v[dash + 3]);
    out->name = out->is_v2 ? "" : name_of(a, f.v[dash + 3]);
    return true;
}

size_t cgroup_mounts_choose(struct arena *a, const char *mountinfo, struct cgroup_mount *out,
                            size_t room)
{
    struct strs lines = text_split(a, mountinfo, '\n');
    struct strs seen = {0};
    struct cgroup_mount v2 = {0};
    unsigned v1_controllers = 0;
    size_t n = 0;

    for (size_t i = 0; i < lines.n; i++) {
        struct cgroup_mount m;
        const char *device;

        if (!line_parse(a, lines.v[i], &device, &m) || strs_has(&seen, device))
            continue;
        strs_add(a, &seen, device);
        if (m.is_v2) {
            v2 = m;
        } else if (n < room) {
            v1_controllers |= m.controllers;
            out[n++] = m;
        }
    }
    if (v1_controllers || !v2.path)
        return v1_controllers ? n : 0;
    out[0] = v2; /* a lone name=systemd beside it belongs to systemd */
    return 1;
}
