/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine's sub-cgroup in every hierarchy. After cgroup_tree_open nothing in the
 * struct changes (but the device cache), so any thread reads it. On v1 clone_children in our cpuset
 * makes each container's cpuset start as a copy of ours instead of empty (an empty one takes no
 * task).
 */
#include "delegation.h"
#include "place.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/map.h"

#define MOUNTINFO_MAX (8u << 20)

static const char v2_controllers[][8] = {"cpu", "cpuset", "memory", "pids", "io", "hugetlb"};

const struct hierarchy *cgroup_tree_controller(const struct cgroup_tree *t, enum controller c)
{
    ASSERT(c < N_CONTROLLERS && t->n <= MAX_HIERARCHIES);
    for (size_t i = 0; i < t->n; i++)
        if (t->h[i].controllers & (1u << c))
            return &t->h[i];
    return NULL;
}

/* One read: cgroupfs gives a small file whole. */
int knob_open(const struct hierarchy *h, const char *place, const char *file)
{
    char path[512];

    ASSERT(h->base_dir >= 0);
    snprintf(path, sizeof(path), "%s/%s", place, file);
    return openat(h->base_dir, path, O_RDONLY | O_CLOEXEC);
}

bool knob_read(const struct hierarchy *h, const char *place, const char *file, char *out,
               size_t room)
{
    autoclose int fd = knob_open(h, place, file);
    ssize_t n;

    ASSERT(room > 1);
    if (fd < 0)
        return false;
    n = read(fd, out, room - 1);
    if (n < 0)
        return false;
    out[n] = '\0';
    return true;
}

struct err *knob_write(int dir, const char *place, const char *file, const char *value)
{
    char path[512];
    autoclose int fd = -1;

    snprintf(path, sizeof(path), "%s/%s", place, file);
    fd = openat(dir, path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return err_sys("open cgroup file %s", file);
    if (write(fd, value, strlen(value)) < 0)
        return err_sys("write %s to cgroup file %s", value, file);
    return NULL;
}

/* ---- opening ---- */

bool cgroup_tree_shows(const struct cgroup_tree *t, enum feature f)
{
    const struct feature_row *row = &feature_table[f];
    const char *file = t->features.is_v2 ? row->v2 : row->v1;
    const struct hierarchy *h = cgroup_tree_controller(t, row->controller);

    return h && file && faccessat(h->dir, file, F_OK, 0) == 0;
}

/* Which files are there says what the kernel was built with and which controllers it was given at
 * boot. */
static void probe_features(struct cgroup_tree *t)
{
    for (int f = 0; f < N_FEATURES; f++)
        t->features.has |= cgroup_tree_shows(t, f) ? 1u << f : 0;
}

/* What a cpuset here may name; copied down on v1, where a new cpuset is empty. */
static struct err *init_cpuset(struct cgroup_tree *t, struct arena *a)
{
    const struct hierarchy *h = cgroup_tree_controller(t, CTL_CPUSET);
    const char *const knobs[2] = {"cpuset.cpus", "cpuset.mems"};
    char **const outs[2] = {&t->cpus, &t->mems};

    for (int i = 0; h && i < 2; i++) {
        char effective[64], *text;
        size_t len;

        if (t->features.is_v2)
            snprintf(effective, sizeof(effective), "%s.effective", knobs[i]);
        else
            snprintf(effective, sizeof(effective), "../%s", knobs[i]);
        TRY(file_read(a, h->dir, effective, 65536, &text, &len));
        text = text_trim(text);
        *outs[i] = mem_strdup(text);
        if (!t->features.is_v2)
            TRY(file_put(h->dir, knobs[i], text));
    }
    if (h && !t->features.is_v2)
        TRY(file_put(h->dir, "cgroup.clone_children", "1"));
    return NULL;
}

void cgroup_tree_enable(int dir)
{
    for (size_t i = 0; i < ARRAY_LEN(v2_controllers); i++) {
        char text[64];

        snprintf(text, sizeof(text), "+%s", v2_controllers[i]);
        err_drop(file_put(dir, "cgroup.subtree_control", text));
    }
}

/* cgroup-v2.rst, "Enabling and Disabling"; a controller that a v1 hierarchy holds is not among
 * them. */
unsigned cgroup_tree_passed_on(struct arena *a, int dir)
{
    unsigned mask = 1u << CTL_DEVICES | 1u << CTL_FREEZER; /* always there: bpf, cgroup.freeze */
    char *text;
    size_t len;
    struct strs words;

    struct err *e = file_read(a, dir, "cgroup.subtree_control", 4096, &text, &len);
    if (e) {
        err_drop(e);
        return mask;
    }
    words = text_split(a, text_trim(text), ' ');
    for (int c = 0; c < N_CONTROLLERS; c++)
        if (strs_has(&words, c == CTL_BLKIO ? "io" : controller_names[c]))
            mask |= 1u << c;
    /* cpu.stat's usage needs no controller */
    return mask | 1u << CTL_CPUACCT;
}

/* Controllers come down to the base from those who gave it to us; from there on it is our affair.
 */
static struct err *pass_on_v2(struct cgroup_tree *t, struct arena *a, struct hierarchy *h)
{
    char *path = arena_strdup(a, t->own);

    TRY(delegation_step_down(a, h, t->own));
    cgroup_tree_enable(h->base_dir);
    for (char *s = strchr(path, '/'); s; s = strchr(s + 1, '/')) {
        *s = '\0';
        autoclose int dir = openat(h->base_dir, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (dir >= 0)
            cgroup_tree_enable(dir);
        *s = '/';
    }
    cgroup_tree_enable(h->dir);
    h->controllers = cgroup_tree_passed_on(a, h->dir);
    return NULL;
}

static struct err *open_hierarchy(struct cgroup_tree *t, struct arena *a,
                                  const struct cgroup_mount *m, const char *delegated)
{
    struct hierarchy *h = &t->h[t->n];

    ASSERT(t->n < MAX_HIERARCHIES);
    *h = (struct hierarchy){.dir = -1, .controllers = m->controllers};
    h->base = mem_printf("%s%s", m->path, delegation_in(a, m, delegated));
    h->base_dir = open(h->base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (h->base_dir < 0) {
        free(h->base);
        return err_sys("open cgroup hierarchy %s", m->path);
    }
    h->mount = mem_strdup(m->path);
    h->path = mem_printf("%s/%s", h->base, t->own);
    t->n++;
    TRY(marked_make(h, a, t->own));
    if (h->controllers & 1u << CTL_CPUSET)
        TRY(cpusets_inherit(a, h->base_dir, t->own));
    h->dir = openat(h->base_dir, t->own, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (h->dir < 0)
        return err_sys("open cgroup %s", h->path);
    return m->is_v2 ? pass_on_v2(t, a, h) : NULL;
}

static void cgroup_tree_free(struct cgroup_tree *t)
{
    for (size_t i = 0; i < t->n; i++) {
        close(t->h[i].base_dir);
        if (t->h[i].dir >= 0)
            close(t->h[i].dir);
        free(t->h[i].base);
        free(t->h[i].path);
        free(t->h[i].mount);
    }
    device_cache_finish(&t->devices);
    pthread_mutex_destroy(&t->slices);
    free(t->cpus);
    free(t->mems);
    free(t->own);
    free(t);
}

static struct err *cgroup_tree_fill(struct cgroup_tree *t, struct arena *a)
{
    struct cgroup_mount mounts[MAX_HIERARCHIES];
    char *text;
    const char *delegated;
    size_t len, n;

    TRY(file_read(a, AT_FDCWD, "/proc/self/mountinfo", MOUNTINFO_MAX, &text, &len));
    n = cgroup_mounts_choose(a, text, mounts, ARRAY_LEN(mounts));
    if (!n)
        return err_new(ERR_INTERNAL, "no cgroup hierarchy is mounted (mount cgroup2 on "
                                     "/sys/fs/cgroup)");
    t->features.is_v2 = mounts[0].is_v2;
    delegated = delegation_find(a, mounts, n);
    if (*delegated)
        log_info("the engine works below the cgroup that was delegated to it",
                 KV("cgroup", delegated));
    for (size_t i = 0; i < n; i++)
        TRY(open_hierarchy(t, a, &mounts[i], delegated));
    TRY(init_cpuset(t, a));
    probe_features(t);
    return NULL;
}

struct err *cgroup_tree_open(const char *own, struct cgroup_tree **out)
{
    autoarena struct arena *a = arena_create();
    struct cgroup_tree *t;
    struct err *e;

    own += *own == '/';
    TRY(cgroup_place_check(own));
    t = mem_new(struct cgroup_tree);
    t->own = mem_strdup(own);
    device_cache_init(&t->devices);
    pthread_mutex_init(&t->slices, NULL);
    e = cgroup_tree_fill(t, a);
    if (e) {
        cgroup_tree_close(t);
        return e;
    }
    *out = t;
    return NULL;
}

/* Ours goes if no container is in it any more (rmdir of a cgroup with children is EBUSY), and so do
 * those above it that we have made. */
void cgroup_tree_close(struct cgroup_tree *t)
{
    if (!t)
        return;
    for (size_t i = 0; i < t->n; i++)
        if (rmdir(t->h[i].path) != 0 && errno != EBUSY && errno != ENOTEMPTY)
            log_debug("cgroup not removed", KV("path", t->h[i].path), KV_INT("errno", errno));
    parents_remove(t, t->own);
    cgroup_tree_free(t);
}

/* ---- looking ---- */

bool cgroup_is_v2(const struct cgroup_tree *t)
{
    return t->features.is_v2;
}

bool cgroup_has(const struct cgroup_tree *t, const char *feature)
{
    for (int c = 0; c < N_CONTROLLERS; c++)
        if (!strcmp(feature, controller_names[c]) || (c == CTL_BLKIO && !strcmp(feature, "io")))
            return cgroup_tree_controller(t, c) != NULL;
    for (int f = 0; f < N_FEATURES; f++)
        if (!strcmp(feature, feature_table[f].name))
            return features_have(&t->features, f);
    return false;
}

static void list_dir(const struct hierarchy *h, struct arena *a, struct map *seen, struct strs *out)
{
    DIR *d = opendir(h->path);
    struct dirent *e;

    while (d && (e = readdir(d))) {
        if (e->d_type != DT_DIR || e->d_name[0] == '.' || map_get(seen, e->d_name))
            continue;
        if (is_marked(h->dir, e->d_name)) { /* no container's: one that containers are in */
            unlinkat(h->dir, e->d_name, AT_REMOVEDIR);
            continue;
        }
        map_put(seen, e->d_name, seen);
        strs_add(a, out, e->d_name);
    }
    if (d)
        closedir(d);
}

struct err *cgroup_list(struct cgroup_tree *t, struct arena *a, struct strs *out)
{
    struct map *seen = map_create();

    *out = (struct strs){0};
    for (size_t i = 0; i < t->n; i++) /* all: an interrupted create is in some of them only */
        list_dir(&t->h[i], a, seen, out);
    map_destroy(seen);
    return NULL;
}
