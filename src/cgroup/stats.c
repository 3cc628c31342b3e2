/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Usage figures and the OOM mark, read from whichever files this version has; an
 * absent file leaves zero. v1 gives nanoseconds and its own keys, v2 microseconds.
 */
#include "place.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#define STATS_TEXT 16384
#define V1_NO_LIMIT (INT64_MAX - 4095) /* rounded down to a page */

/* The files of cgroupfs are lists of "key value" (cgroup-v2.rst, "Flat keyed"). */
int64_t knob_value_of(const char *text, const char *key)
{
    size_t n = strlen(key);

    for (const char *s = text; s && *s; s = strchr(s, '\n'), s = s ? s + 1 : NULL)
        if (!strncmp(s, key, n) && s[n] == ' ')
            return strtoll(s + n + 1, NULL, 10);
    return 0;
}

/* Files that stay open: to open and close one takes ten times as long as to read it. */
struct cgroup_kept {
    struct kept_file {
        enum controller controller;
        const char *name; /* static */
        int fd;
    } files[CGROUP_KEPT_FILES];
    size_t n;
};

struct stats_reader {
    const struct cgroup_tree *t;
    const char *place;
    struct cgroup_kept *kept; /* NULL: nothing stays open */
    struct arena *arena;      /* of details */
    char text[STATS_TEXT];
};

struct cgroup_kept *cgroup_kept_create(void)
{
    return mem_new(struct cgroup_kept);
}

void cgroup_kept_destroy(struct cgroup_kept *k)
{
    for (size_t i = 0; k && i < k->n; i++)
        if (k->files[i].fd >= 0)
            close(k->files[i].fd);
    free(k);
}

/* NULL: there is no room. */
static struct kept_file *kept_file(struct cgroup_kept *k, enum controller c, const char *name)
{
    for (size_t i = 0; i < k->n; i++)
        if (k->files[i].controller == c && !strcmp(k->files[i].name, name))
            return &k->files[i];
    if (k->n == CGROUP_KEPT_FILES)
        return NULL;
    k->files[k->n] = (struct kept_file){c, name, -1};
    return &k->files[k->n++];
}

/* A cgroup that is gone answers ENODEV, also when there is another one of its name by now. */
static bool read_kept(struct stats_reader *r, const struct hierarchy *h, struct kept_file *f)
{
    ssize_t n = f->fd < 0 ? -1 : pread(f->fd, r->text, sizeof(r->text) - 1, 0);

    if (n < 0) {
        if (f->fd >= 0)
            close(f->fd);
        f->fd = knob_open(h, r->place, f->name);
        n = f->fd < 0 ? -1 : pread(f->fd, r->text, sizeof(r->text) - 1, 0);
    }
    r->text[n < 0 ? 0 : n] = '\0';
    return n >= 0;
}

static const char *read_text(struct stats_reader *r, enum controller c, const char *file)
{
    const struct hierarchy *h = cgroup_tree_controller(r->t, c);
    struct kept_file *f = h && r->kept ? kept_file(r->kept, c, file) : NULL;

    if (!h || !(f ? read_kept(r, h, f) : knob_read(h, r->place, file, r->text, sizeof(r->text))))
        r->text[0] = '\0';
    return r->text;
}

/* A single number; "max" is 0 (no limit). */
static int64_t read_number(struct stats_reader *r, enum controller c, const char *file)
{
    int64_t v = strtoll(read_text(r, c, file), NULL, 10);

    return v >= V1_NO_LIMIT ? 0 : v;
}

/* "8:0 Read 4096" */
static void add_v1_io(const char *text, struct cgroup_stats *out)
{
    for (const char *s = text; s && *s; s = strchr(s, '\n'), s = s ? s + 1 : NULL) {
        long long bytes;
        char op[16];

        if (sscanf(s, "%*u:%*u %15s %lld", op, &bytes) != 2)
            continue;
        if (!strcmp(op, "Read"))
            out->read_bytes += bytes;
        else if (!strcmp(op, "Write"))
            out->write_bytes += bytes;
    }
}

/* "8:0 rbytes=1 wbytes=2 rios=…" */
static void add_v2_io(const char *text, struct cgroup_stats *out)
{
    for (const char *s = text; (s = strstr(s, "bytes=")); s += 6) {
        int64_t bytes = strtoll(s + 6, NULL, 10);

        if (s - text >= 2 && s[-2] == ' ' && s[-1] == 'r')
            out->read_bytes += bytes;
        else if (s - text >= 2 && s[-2] == ' ' && s[-1] == 'w')
            out->write_bytes += bytes;
    }
}

/* ---- in detail ---- */

static void add_io(struct arena *a, struct cgroup_io **v, size_t *n, size_t *room,
                   struct cgroup_io item)
{
    *v = arena_grow(a, *v, *n, room, sizeof(**v));
    (*v)[(*n)++] = item;
}

/* Lines "8:0 Read 4096"; the last one, "Total 4096", is of all devices. */
static struct cgroup_io *read_v1_io(struct arena *a, const char *text, size_t *n)
{
    struct cgroup_io *v = NULL, item;
    size_t room = 0;

    *n = 0;
    for (const char *s = text; s && *s; s = strchr(s, '\n'), s = s ? s + 1 : NULL) {
        long long value;

        if (sscanf(s, "%u:%u %15s %lld", &item.major, &item.minor, item.op, &value) != 4)
            continue;
        item.value = value;
        add_io(a, &v, n, &room, item);
    }
    return v;
}

/* Lines "8:0 rbytes=1 wbytes=2 rios=3 …". */
static struct cgroup_io *read_v2_io(struct arena *a, const char *text, const char *read_key,
                                    const char *write_key, size_t *n)
{
    struct strs lines = text_split(a, text, '\n');
    struct cgroup_io *v = NULL;
    size_t room = 0;

    *n = 0;
    for (size_t i = 0; i < lines.n; i++) {
        const char *r = strstr(lines.v[i], read_key), *w = strstr(lines.v[i], write_key);
        struct cgroup_io item = {.op = "read"};

        if (!r || !w || sscanf(lines.v[i], "%u:%u", &item.major, &item.minor) != 2)
            continue;
        item.value = strtoll(r + strlen(read_key), NULL, 10);
        add_io(a, &v, n, &room, item);
        memcpy(item.op, "write", sizeof("write"));
        item.value = strtoll(w + strlen(write_key), NULL, 10);
        add_io(a, &v, n, &room, item);
    }
    return v;
}

static int64_t *read_cpus(struct arena *a, const char *text, size_t *n)
{
    struct strs parts = text_split(a, text, ' ');
    int64_t *v = arena_array(a, parts.n + 1, sizeof(*v));

    *n = 0;
    for (size_t i = 0; i < parts.n; i++)
        if (*text_trim(parts.v[i]))
            v[(*n)++] = strtoll(parts.v[i], NULL, 10);
    return v;
}

static void read_memory(struct arena *a, const char *text, struct pairs *out)
{
    struct strs lines = text_split(a, text, '\n');

    for (size_t i = 0; i < lines.n; i++) {
        char *blank = strchr(lines.v[i], ' ');

        if (!blank)
            continue;
        *blank = '\0';
        pairs_add(a, out, lines.v[i], blank + 1);
    }
}

/* r->text has memory.stat. What `usage` has a sum of is not summed up: whoever asks shows it all.
 */
static void detail_v1(struct stats_reader *r, struct cgroup_detail *d)
{
    struct arena *a = r->arena;

    read_memory(a, r->text, &d->memory);
    d->io_bytes = read_v1_io(
        a, read_text(r, CTL_BLKIO, "blkio.throttle.io_service_bytes_recursive"), &d->n_io_bytes);
    d->io_count = read_v1_io(a, read_text(r, CTL_BLKIO, "blkio.throttle.io_serviced_recursive"),
                             &d->n_io_count);
    d->cpus = read_cpus(a, read_text(r, CTL_CPUACCT, "cpuacct.usage_percpu"), &d->n_cpus);
    d->memory_failures = read_number(r, CTL_MEMORY, "memory.failcnt");
}

static void detail_v2(struct stats_reader *r, struct cgroup_detail *d)
{
    struct arena *a = r->arena;
    const char *text;

    read_memory(a, r->text, &d->memory);
    text = read_text(r, CTL_BLKIO, "io.stat");
    d->io_bytes = read_v2_io(a, text, " rbytes=", " wbytes=", &d->n_io_bytes);
    d->io_count = read_v2_io(a, text, " rios=", " wios=", &d->n_io_count);
}

/* ---- the usual ---- */

static void stats_v1(struct stats_reader *r, struct cgroup_stats *s, struct cgroup_detail *d)
{
    const char *text;

    s->cpu_ns = read_number(r, CTL_CPUACCT, "cpuacct.usage");
    s->cpu_user_ns = read_number(r, CTL_CPUACCT, "cpuacct.usage_user");
    s->cpu_system_ns = read_number(r, CTL_CPUACCT, "cpuacct.usage_sys");
    text = read_text(r, CTL_CPU, "cpu.stat");
    s->periods = knob_value_of(text, "nr_periods");
    s->throttled_periods = knob_value_of(text, "nr_throttled");
    s->throttled_ns = knob_value_of(text, "throttled_time");
    s->memory_bytes = read_number(r, CTL_MEMORY, "memory.usage_in_bytes");
    s->memory_max_bytes = read_number(r, CTL_MEMORY, "memory.max_usage_in_bytes");
    s->memory_limit = read_number(r, CTL_MEMORY, "memory.limit_in_bytes");
    text = read_text(r, CTL_MEMORY, "memory.stat");
    s->memory_cache_bytes = knob_value_of(text, "total_cache");
    s->memory_inactive_file = knob_value_of(text, "total_inactive_file");
    if (d) {
        detail_v1(r, d);
        return;
    }
    s->oom_kills = knob_value_of(read_text(r, CTL_MEMORY, "memory.oom_control"), "oom_kill");
    add_v1_io(read_text(r, CTL_BLKIO, "blkio.throttle.io_service_bytes_recursive"), s);
}

static void stats_v2(struct stats_reader *r, struct cgroup_stats *s, struct cgroup_detail *d)
{
    const char *text = read_text(r, CTL_CPUACCT, "cpu.stat");

    s->cpu_ns = knob_value_of(text, "usage_usec") * 1000;
    s->cpu_user_ns = knob_value_of(text, "user_usec") * 1000;
    s->cpu_system_ns = knob_value_of(text, "system_usec") * 1000;
    s->periods = knob_value_of(text, "nr_periods");
    s->throttled_periods = knob_value_of(text, "nr_throttled");
    s->throttled_ns = knob_value_of(text, "throttled_usec") * 1000;
    s->memory_bytes = read_number(r, CTL_MEMORY, "memory.current");
    s->memory_max_bytes = read_number(r, CTL_MEMORY, "memory.peak");
    s->memory_limit = read_number(r, CTL_MEMORY, "memory.max");
    text = read_text(r, CTL_MEMORY, "memory.stat");
    s->memory_cache_bytes = knob_value_of(text, "file");
    s->memory_inactive_file = knob_value_of(text, "inactive_file");
    if (d) {
        detail_v2(r, d);
        return;
    }
    s->oom_kills = knob_value_of(read_text(r, CTL_MEMORY, "memory.events"), "oom_kill");
    add_v2_io(read_text(r, CTL_BLKIO, "io.stat"), s);
}

static struct err *check_exists(const struct cgroup_tree *t, const char *place)
{
    TRY(cgroup_place_check(place));
    if (faccessat(t->h[0].base_dir, place, F_OK, 0) == 0)
        return NULL;
    return errno == ENOENT ? err_new(ERR_NOT_FOUND, "no cgroup %s", place)
                           : err_sys("read cgroup %s", place);
}

/* d NULL: without it. */
static struct err *read_all(struct stats_reader *r, struct cgroup_stats *out,
                            struct cgroup_detail *d)
{
    struct cgroup_stats s = {0};

    TRY(check_exists(r->t, r->place));
    if (r->t->features.is_v2)
        stats_v2(r, &s, d);
    else
        stats_v1(r, &s, d);
    s.pids = read_number(r, CTL_PIDS, "pids.current");
    s.pids_limit = read_number(r, CTL_PIDS, "pids.max");
    *out = s;
    return NULL;
}

struct err *cgroup_stats(struct cgroup_tree *t, const char *place, struct cgroup_stats *out)
{
    struct stats_reader r = {.t = t, .place = place};

    return read_all(&r, out, NULL);
}

struct err *cgroup_detail(struct cgroup_tree *t, const char *place, struct cgroup_kept *kept,
                          struct arena *a, struct cgroup_detail *out)
{
    struct stats_reader r = {.t = t, .place = place, .kept = kept, .arena = a};
    struct cgroup_detail d = {0};

    TRY(read_all(&r, &d.usage, &d));
    *out = d;
    return NULL;
}

static double number_after(const char *line, size_t n, const char *key)
{
    const char *at = line ? memmem(line, n, key, strlen(key)) : NULL;

    return at ? strtod(at + strlen(key), NULL) : 0;
}

static struct cgroup_stall stall_of(const char *text, const char *word)
{
    const char *line = strstr(text, word);
    size_t n = line ? strcspn(line, "\n") : 0;

    return (struct cgroup_stall){
        .total_ns = (int64_t)number_after(line, n, "total=") * 1000,
        .avg10 = number_after(line, n, "avg10="),
        .avg60 = number_after(line, n, "avg60="),
        .avg300 = number_after(line, n, "avg300="),
    };
}

struct cgroup_pressure pressure_read(const char *text)
{
    return (struct cgroup_pressure){true, stall_of(text, "some "), stall_of(text, "full ")};
}

void cgroup_pressure(struct cgroup_tree *t, const char *place, const char *resource,
                     struct cgroup_pressure *out)
{
    char file[32], text[512];

    *out = (struct cgroup_pressure){0};
    if (!t->features.is_v2)
        return;
    snprintf(file, sizeof(file), "%s.pressure", resource);
    if (!knob_read(&t->h[0], place, file, text, sizeof(text)))
        return;
    *out = pressure_read(text);
}

/* oom_kill counts the processes that the kernel has killed for want of memory; it is read before
 * the cgroup goes. */
int64_t cgroup_oom_kills(struct cgroup_tree *t, const char *place)
{
    struct stats_reader r = {.t = t, .place = place};
    struct err *e = cgroup_place_check(place);

    if (e) {
        err_drop(e);
        return 0;
    }
    return knob_value_of(
        read_text(&r, CTL_MEMORY, t->features.is_v2 ? "memory.events" : "memory.oom_control"),
        "oom_kill");
}
