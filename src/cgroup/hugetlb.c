/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Huge pages come in sizes, each with cgroup files of its own; /sys/kernel/mm/hugepages says which
 * there are. A limit that is no whole number of pages would be rounded down in silence.
 */
#include "hugetlb.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"

#define SIZES "/sys/kernel/mm/hugepages"

int64_t hugetlb_default_of(const char *meminfo)
{
    const char *line = strstr(meminfo, "Hugepagesize:");
    long long kib;

    return line && sscanf(line, "Hugepagesize: %lld kB", &kib) == 1 && kib > 0 ? kib << 10 : 0;
}

static struct err *default_size(struct arena *a, int64_t *out)
{
    char *text;
    size_t len;

    TRY(file_read(a, AT_FDCWD, "/proc/meminfo", 65536, &text, &len));
    *out = hugetlb_default_of(text);
    return NULL;
}

static bool has_size(struct arena *a, int64_t bytes)
{
    return access(arena_printf(a, SIZES "/hugepages-%lldkB", (long long)(bytes >> 10)), F_OK) == 0;
}

/* "2MB, 1GB" */
static char *sizes_text(struct arena *a)
{
    DIR *dir = opendir(SIZES);
    struct strs names = {0};
    struct dirent *e;
    long long kib;

    while (dir && (e = readdir(dir)))
        if (sscanf(e->d_name, "hugepages-%lldkB", &kib) == 1)
            strs_add(a, &names, hugetlb_size_name(a, kib << 10));
    if (dir)
        closedir(dir);
    return names.n ? strs_join(a, &names, ", ") : arena_strdup(a, "none");
}

static struct err *check_one(struct arena *a, const struct cgroup_hugetlb *l)
{
    int64_t bytes = l->page_bytes;

    if (!bytes)
        TRY(default_size(a, &bytes));
    if (bytes <= 0 || bytes & 1023 || !has_size(a, bytes))
        return err_new(ERR_INVALID,
                       "hugetlb limit: this kernel has no huge pages of %lld bytes, its sizes are "
                       "%s",
                       (long long)bytes, sizes_text(a));
    if (l->limit % bytes)
        return err_new(ERR_INVALID,
                       "hugetlb limit: %lld bytes are not a whole number of pages of %s",
                       (long long)l->limit, hugetlb_size_name(a, bytes));
    return NULL;
}

struct err *hugetlbs_check(const struct cgroup_tree *t, struct arena *a,
                           const struct cgroup_limits *l, struct strs *warnings)
{
    for (size_t i = 0; i < l->n_hugetlbs; i++)
        TRY(check_one(a, &l->hugetlbs[i]));
    if (l->n_hugetlbs && !features_have(&t->features, FEAT_HUGETLB))
        strs_add(a, warnings,
                 t->features.is_v2
                     ? "Your kernel does not support hugetlb limits or the cgroup is not mounted. "
                       "Hugetlb limit discarded. Reason: the engine's cgroup was given no hugetlb "
                       "controller: cgroup v2 passes it on by +hugetlb in the parent's "
                       "cgroup.subtree_control."
                     : "Your kernel does not support hugetlb limits or the cgroup is not mounted. "
                       "Hugetlb limit discarded. Reason: cgroup v1's hugetlb controller is not "
                       "mounted where the engine was started.");
    return NULL;
}

struct err *hugetlbs_find(struct arena *a, struct cgroup_limits *l)
{
    struct cgroup_hugetlb *v = arena_array(a, l->n_hugetlbs, sizeof(*v));

    for (size_t i = 0; i < l->n_hugetlbs; i++) {
        v[i] = l->hugetlbs[i];
        TRY(check_one(a, &v[i]));
        if (!v[i].page_bytes)
            TRY(default_size(a, &v[i].page_bytes));
    }
    l->hugetlbs = v;
    return NULL;
}
