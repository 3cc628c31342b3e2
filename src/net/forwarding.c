/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net.ipv4.ip_forward and net.ipv6.conf.all.forwarding are of the whole host: with them on, any
 * two links are routed between. A host that was none becomes a router for whoever sends it packets.
 * So where we turn one on, all else that is forwarded is dropped, as it was before; that it was us
 * is remembered beside the sockets in the exec root, with the machine's boot id, since a sysctl
 * does not outlive the machine either.
 *
 * Bridges of others: one that was there when we turned forwarding on did without it, and stays as
 * it was. One that came later may be dockerd's or libvirt's, whose daemon found forwarding on
 * already and asked nobody: it is let through, unless it is a way out of the host.
 */
#include "forwarding.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "base/log.h"

#include "bridge_list.h"
#include "vlan.h"

#define MARK_MAX 65536

static const struct {
    const char *name, *path, *word;
} families[FORWARD_FAMILIES] = {
    [FORWARD4] = {"net.ipv4.ip_forward", "/proc/sys/net/ipv4/ip_forward", "ipv4"},
    [FORWARD6] = {"net.ipv6.conf.all.forwarding", "/proc/sys/net/ipv6/conf/all/forwarding", "ipv6"},
};

struct forwarding {
    struct arena *arena;
    const char *path;
    pthread_mutex_t lock; /* guards what follows */
    bool is_ours[FORWARD_FAMILIES];
    struct strs before[FORWARD_FAMILIES]; /* bridges that there were when we turned it on */
};

/* ---- the memory ---- */

static const char *boot_id(struct arena *a)
{
    char *text = NULL;
    size_t n;
    struct err *e = file_read(a, AT_FDCWD, "/proc/sys/kernel/random/boot_id", 128, &text, &n);

    err_drop(e);
    return e ? "" : text_trim(text);
}

/* "ipv4 br0 br1" */
static void read_line(struct forwarding *f, const char *line)
{
    struct strs words = text_split(f->arena, line, ' ');

    for (int i = 0; words.n && i < FORWARD_FAMILIES; i++) {
        if (strcmp(words.v[0], families[i].word) != 0)
            continue;
        f->is_ours[i] = true;
        f->before[i] = (struct strs){words.v + 1, words.n - 1};
    }
}

static void recall(struct forwarding *f)
{
    char *text = NULL;
    size_t n;
    struct err *e = f->path ? file_read(f->arena, AT_FDCWD, f->path, MARK_MAX, &text, &n) : NULL;
    struct strs lines;

    if (e || !text) {
        err_drop(e);
        return;
    }
    lines = text_split(f->arena, text, '\n');
    if (!lines.n || strcmp(lines.v[0], boot_id(f->arena)) != 0)
        return;
    for (size_t i = 1; i < lines.n; i++)
        read_line(f, lines.v[i]);
}

static struct err *remember(const struct forwarding *f)
{
    autobuf struct buf text = {0};
    autoarena struct arena *a = arena_create();

    if (!f->path)
        return NULL;
    buf_printf(&text, "%s\n", boot_id(a));
    for (int i = 0; i < FORWARD_FAMILIES; i++) {
        if (!f->is_ours[i])
            continue;
        buf_puts(&text, families[i].word);
        for (size_t k = 0; k < f->before[i].n; k++)
            buf_printf(&text, " %s", f->before[i].v[k]);
        buf_puts(&text, "\n");
    }
    return file_write_atomic(AT_FDCWD, f->path, text.data, text.len, 0600, false);
}

struct forwarding *forwarding_create(const char *path)
{
    struct forwarding *f = mem_new(struct forwarding);

    f->arena = arena_create();
    f->path = path ? arena_strdup(f->arena, path) : NULL;
    pthread_mutex_init(&f->lock, NULL);
    recall(f);
    return f;
}

void forwarding_destroy(struct forwarding *f)
{
    if (!f)
        return;
    pthread_mutex_destroy(&f->lock);
    arena_destroy(f->arena);
    free(f);
}

/* ---- the sysctls ---- */

static struct err *look(enum forward_family family, bool *out_on)
{
    autoclose int fd = open(families[family].path, O_RDONLY | O_CLOEXEC);
    char now = '0';

    if (fd < 0)
        return err_sys("open %s", families[family].path);
    *out_on = read(fd, &now, 1) == 1 && now != '0';
    return NULL;
}

static struct err *set(enum forward_family family, const char *value)
{
    autoclose int fd = open(families[family].path, O_WRONLY | O_CLOEXEC);

    if (fd < 0 || write(fd, value, 1) != 1)
        return err_sys("set %s to %s", families[family].name, value);
    return NULL;
}

struct err *forwarding_claim(struct forwarding *f, enum forward_family family, bool *out_off)
{
    autoarena struct arena *a = arena_create();
    struct bridge_list there = {.a = a};
    struct err *e = NULL;
    bool is_on;

    TRY(look(family, &is_on));
    *out_off = !is_on;
    if (is_on)
        return NULL;
    TRY(bridge_list_read(&there));
    pthread_mutex_lock(&f->lock);
    if (!f->is_ours[family]) {
        f->is_ours[family] = true;
        f->before[family] = (struct strs){0};
        for (size_t i = 0; i < there.n; i++)
            strs_add(f->arena, &f->before[family], arena_strdup(f->arena, there.v[i].name));
        e = remember(f);
        f->is_ours[family] = !e;
    }
    pthread_mutex_unlock(&f->lock);
    return e;
}

struct err *forwarding_turn_on(enum forward_family family)
{
    TRY(set(family, "1"));
    log_info("the host did not forward packets and does now: what neither comes from nor goes to a "
             "container is still dropped",
             KV("set", families[family].name));
    return NULL;
}

/* ---- bridges of others ---- */

/* A name that nft takes between quotes as it is: others choose theirs. */
static bool is_plain(const char *name)
{
    return !strpbrk(name, "\"\\*\n");
}

static struct err *list_others(struct forwarding *f, struct arena *a, const struct strs *own_names,
                               struct guard_view *out)
{
    struct bridge_list all = {.a = a};

    TRY(bridge_list_read(&all));
    for (size_t i = 0; i < all.n; i++) {
        char *name = all.v[i].name;

        if (strs_has(own_names, name) || vlan_is_own_parent(name) || !is_plain(name))
            continue;
        strs_add(a, &out->bridged, name);
        for (int k = 0; k < FORWARD_FAMILIES; k++)
            if (!all.v[i].is_way_out && !strs_has(&f->before[k], name))
                strs_add(a, &out->guests[k], name);
    }
    return NULL;
}

static struct err *view(struct forwarding *f, struct arena *a, const struct strs *own_names,
                        struct guard_view *out)
{
    struct err *e = NULL;

    pthread_mutex_lock(&f->lock);
    memcpy(out->is_closed, f->is_ours, sizeof(f->is_ours));
    if (out->is_closed[FORWARD4] || out->is_closed[FORWARD6])
        e = list_others(f, a, own_names, out);
    pthread_mutex_unlock(&f->lock);
    return e;
}

struct err *forwarding_guard(struct forwarding *f, const char *tag, const struct strs *own_names,
                             struct buf *out)
{
    autoarena struct arena *a = arena_create();
    struct guard_view v = {.tag = tag};

    TRY(view(f, a, own_names, &v));
    guard_text(out, &v);
    return NULL;
}

/* ---- the end ---- */

static void give_back(enum forward_family family, const struct strs *guests)
{
    struct err *e;

    if (guests->n) {
        log_warn("the host goes on forwarding packets, which it did not before this engine: a "
                 "bridge of others may need it. If none does, set it to 0",
                 KV("sysctl", families[family].name), KV("bridge", guests->v[0]));
        return;
    }
    e = set(family, "0");
    if (e)
        log_warn("the host goes on forwarding packets", KV("why", err_text(e)));
    else
        log_info("the host forwards no more packets, as before this engine",
                 KV("set", families[family].name));
    err_drop(e);
}

void forwarding_give_back(struct forwarding *f, const struct strs *own_names)
{
    autoarena struct arena *a = arena_create();
    struct guard_view v = {0};
    struct err *e = view(f, a, own_names, &v);

    if (e)
        log_warn("the host goes on forwarding packets", KV("why", err_text(e)));
    for (int i = 0; !e && i < FORWARD_FAMILIES; i++)
        if (v.is_closed[i])
            give_back((enum forward_family)i, &v.guests[i]);
    err_drop(e);
    if (f->path)
        unlink(f->path);
}
