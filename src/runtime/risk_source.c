/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The risks of what a container mounts of the host. A name proves nothing, since links, bind mounts
 * and volumes give others: so every path is judged as it was asked for, as it resolves, and by the
 * device and inode of itself and of the folders above it. Worker.
 *
 * Traps: a folder shows what is mounted below it, unless the bind is not recursive; what does not
 * exist yet will be a folder that others may enter.
 */
#include "runtime/risk.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/fd.h"
#include "core/loop.h"

/* Everything below is sensitive, and so are they. */
static const char *const trees[] = {
    "/proc",
    "/sys",
    "/etc",
    "/dev",
    "/boot",
    "/var/lib/docker",
    "/var/lib/containerd",
    "/var/lib/kubelet",
    "/var/lib/berth",
    "/usr/lib/modules",
};

static const char *const folders[] = {
    "/",      "/root", "/var/run", "/run",     "/usr", "/lib",
    "/lib64", "/bin",  "/sbin",    "/var/lib", "/var", "/home",
};

/* Many containers have them read from the host. */
static const char *const harmless[] = {"/etc/localtime", "/etc/timezone"};

/* Sockets of engines that are not ours. */
static const char *const engine_sockets[] = {
    "/run/docker.sock",
    "/run/containerd/containerd.sock",
    "/run/podman/podman.sock",
    "/run/crio/crio.sock",
};
static const char *const engine_socket_names[] = {
    "/docker.sock", "/berth.sock", "/containerd.sock", "/podman.sock", "/crio.sock",
};

#define PLACES_MAX 256 /* folders above the sockets of one engine */

struct place {
    dev_t dev;
    ino_t ino;
    const char *socket;  /* that is this place, or below it */
    bool is_same_system; /* no mount lies between the two */
};

struct judge {
    struct arena *a;
    const struct risk_host *host;
    struct risk_findings *out;
    struct place above[PLACES_MAX]; /* sockets and the folders above them */
    size_t n_above;
    struct stat trees[ARRAY_LEN(trees) + 2], folders[ARRAY_LEN(folders)]; /* st_ino 0: absent */
};

/* ---- what is sensitive on this host ---- */

static void add_places(struct judge *j, const char *socket)
{
    char *path = realpath(socket, NULL), *end;
    struct stat of_socket, st;

    if (!path)
        return;
    socket = arena_strdup(j->a, path);
    if (stat(path, &of_socket) != 0)
        of_socket.st_ino = 0;
    while (of_socket.st_ino && j->n_above < PLACES_MAX && stat(*path ? path : "/", &st) == 0) {
        j->above[j->n_above++] =
            (struct place){st.st_dev, st.st_ino, socket, st.st_dev == of_socket.st_dev};
        if (!*path)
            break;
        end = strrchr(path, '/');
        *end = '\0';
    }
    free(path);
}

static const char *tree_name(const struct judge *j, size_t i)
{
    if (i < ARRAY_LEN(trees))
        return trees[i];
    return i == ARRAY_LEN(trees) ? j->host->data_root : j->host->exec_root;
}

static void look(const char *path, struct stat *out)
{
    if (!path || stat(path, out) != 0)
        out->st_ino = 0;
}

static void judge_init(struct judge *j)
{
    for (size_t i = 0; i < j->host->sockets.n; i++)
        add_places(j, j->host->sockets.v[i]);
    for (size_t i = 0; i < ARRAY_LEN(engine_sockets); i++)
        add_places(j, engine_sockets[i]);
    for (size_t i = 0; i < ARRAY_LEN(j->trees); i++)
        look(tree_name(j, i), &j->trees[i]);
    for (size_t i = 0; i < ARRAY_LEN(folders); i++)
        look(folders[i], &j->folders[i]);
}

static bool is_same(const struct stat *x, const struct stat *y)
{
    return x->st_ino && x->st_ino == y->st_ino && x->st_dev == y->st_dev;
}

/* ---- one source ---- */

struct judged {
    const struct risk_source *source;
    const char *clean, *real; /* real: NULL where it does not exist */
    const char *name;         /* for sentences: as it was asked for */
    struct stat st;           /* st_ino 0: does not exist */
};

static bool is_below(const char *path, const char *tree)
{
    size_t n = strlen(tree);

    return strncmp(path, tree, n) == 0 && (path[n] == '/' || !path[n]);
}

static void found(struct judge *j, const char *risk, const struct judged *s, const char *how)
{
    bool is_elsewhere = s->real && !s->source->is_own && strcmp(s->real, s->clean) != 0;
    const char *is_what = is_elsewhere ? arena_printf(j->a, " (%s)", s->real) : "";

    if (s->source->volume)
        risk_add(j->a, j->out, risk,
                 arena_printf(j->a, "%s of the host is mounted%s by the volume %s",
                              s->real ? s->real : s->clean, how, s->source->volume));
    else
        risk_add(j->a, j->out, risk,
                 arena_printf(j->a, "%s of the host%s is mounted%s", s->clean, is_what, how));
}

static const struct place *find_place(const struct judge *j, const struct stat *st, bool recursive)
{
    for (size_t i = 0; i < j->n_above; i++)
        if (j->above[i].ino == st->st_ino && j->above[i].dev == st->st_dev &&
            (recursive || j->above[i].is_same_system))
            return &j->above[i];
    return NULL;
}

/* mountinfo has blanks and backslashes as octal digits. */
static void unescape(char *s)
{
    char *to = s;

    for (; *s; s++) {
        if (*s == '\\' && s[1] && s[2] && s[3]) {
            *to++ = (char)((s[1] - '0') * 64 + (s[2] - '0') * 8 + (s[3] - '0'));
            s += 3;
        } else {
            *to++ = *s;
        }
    }
    *to = '\0';
}

/* A mount below the source that leads to a socket. */
static const struct place *find_mounted_place(const struct judge *j, const char *real)
{
    FILE *f = fopen("/proc/self/mountinfo", "re");
    const struct place *place = NULL;
    char *line = NULL, point[PATH_MAX];
    size_t room = 0;

    while (f && !place && getline(&line, &room, f) > 0) {
        struct stat st;

        if (sscanf(line, "%*s %*s %*s %*s %4095s", point) != 1)
            continue;
        unescape(point);
        if (strcmp(point, real) != 0 && is_below(point, strcmp(real, "/") == 0 ? "" : real) &&
            stat(point, &st) == 0)
            place = find_place(j, &st, true);
    }
    free(line);
    if (f)
        fclose(f);
    return place;
}

static bool is_named_as_socket(const char *path)
{
    for (size_t i = 0; path && i < ARRAY_LEN(engine_socket_names); i++)
        if (text_ends(path, engine_socket_names[i]))
            return true;
    return false;
}

/* True: it is a socket, and there is no more to say. */
static bool judge_sockets(struct judge *j, const struct judged *s)
{
    const struct place *place = NULL;
    bool recursive = s->source->is_recursive;

    if (s->st.st_ino)
        place = find_place(j, &s->st, recursive);
    if (!place && s->st.st_ino && S_ISDIR(s->st.st_mode) && recursive)
        place = find_mounted_place(j, s->real);
    if (place && S_ISDIR(s->st.st_mode))
        found(j, "engine-socket", s, arena_printf(j->a, " with %s below it", place->socket));
    else if (place || is_named_as_socket(s->clean) || is_named_as_socket(s->real))
        found(j, "engine-socket", s, "");
    else
        return false;
    return !place || !S_ISDIR(s->st.st_mode);
}

/* "/root/.ssh" and the like. */
static bool is_hidden_of_root(const char *path)
{
    return text_starts(path, "/root/.");
}

static bool is_sensitive_name(const struct judge *j, const char *path)
{
    if (is_hidden_of_root(path))
        return true;
    for (size_t i = 0; i < ARRAY_LEN(j->trees); i++)
        if (tree_name(j, i) && is_below(path, tree_name(j, i)))
            return true;
    for (size_t i = 0; i < ARRAY_LEN(folders); i++)
        if (strcmp(path, folders[i]) == 0)
            return true;
    return false;
}

/* It, or a folder above it, is a sensitive one by another name. */
static bool is_sensitive_inode(const struct judge *j, const struct judged *s)
{
    char *path = arena_strdup(j->a, s->real), *end;
    struct stat st = s->st;

    for (size_t i = 0; i < ARRAY_LEN(folders); i++)
        if (is_same(&st, &j->folders[i]))
            return true;
    while (*path && stat(path, &st) == 0) {
        for (size_t i = 0; i < ARRAY_LEN(j->trees); i++)
            if (is_same(&st, &j->trees[i]))
                return true;
        end = strrchr(path, '/');
        *end = '\0';
    }
    return false;
}

static bool is_harmless(const char *path)
{
    for (size_t i = 0; i < ARRAY_LEN(harmless); i++)
        if (strcmp(path, harmless[i]) == 0)
            return true;
    return false;
}

static void judge_folder(struct judge *j, const struct judged *s)
{
    bool is_kernel = is_below(s->clean, "/proc") || is_below(s->clean, "/sys");

    if (s->real)
        is_kernel |= is_below(s->real, "/proc") || is_below(s->real, "/sys");
    if (is_harmless(s->clean) && !s->source->is_writable)
        return;
    if (is_sensitive_name(j, s->clean) || (s->real && is_sensitive_name(j, s->real)) ||
        (s->st.st_ino && is_sensitive_inode(j, s)))
        found(j, "sensitive-folder", s, "");
    if (is_kernel && s->source->is_writable)
        found(j, "writable-proc", s, " writable");
}

/* Others may enter every folder on the way. */
static bool others_reach(struct arena *a, const char *path)
{
    char *way = arena_strdup(a, path);

    for (char *p = way + 1; p[-1]; p++) {
        struct stat st;
        char was = *p;

        if (was && was != '/')
            continue;
        *p = '\0';
        if (stat(way, &st) == 0 && !(st.st_mode & S_IXOTH))
            return false;
        *p = was;
    }
    return true;
}

static void judge_share(struct judge *j, const struct judged *s)
{
    const char *path = s->real ? s->real : s->clean;
    struct statvfs fs;

    if (!s->source->is_writable || (s->st.st_ino && !S_ISDIR(s->st.st_mode)))
        return;
    if (statvfs(path, &fs) == 0 && (fs.f_flag & ST_NOSUID))
        return;
    if (others_reach(j->a, path))
        found(j, "setuid-share", s, " writable");
}

/* Where the path leads: what is not there yet is below what is. */
static const char *where_it_leads(struct arena *a, const char *clean)
{
    char *way = arena_strdup(a, clean), *slash, *real = NULL;
    const char *out;

    while (*way && !(real = realpath(way, NULL))) {
        slash = strrchr(way, '/');
        *slash = '\0';
    }
    out = arena_printf(a, "%s%s", real && strcmp(real, "/") != 0 ? real : "", clean + strlen(way));
    free(real);
    return *out ? out : "/";
}

static void judge_source(struct judge *j, struct risk_source *source)
{
    struct judged s = {.source = source, .clean = path_clean(j->a, source->path)};
    char *real = realpath(s.clean, NULL);

    s.real = arena_strdup(j->a, real);
    free(real);
    source->real = s.real ? s.real : where_it_leads(j->a, s.clean);
    look(s.clean, &s.st);
    if (s.st.st_ino && (S_ISBLK(s.st.st_mode)) && source->volume) {
        risk_add(j->a, j->out, "host-device",
                 arena_printf(j->a, "the volume %s mounts %s", source->volume, s.clean));
        return;
    }
    if (judge_sockets(j, &s))
        return;
    if (source->is_own && (!s.real || strcmp(s.real, s.clean) == 0))
        return;
    judge_folder(j, &s);
    judge_share(j, &s);
}

static void resolve_devices(struct arena *a, struct risk_sources *all)
{
    for (size_t i = 0; i < all->devices.n; i++) {
        char *real = realpath(all->devices.v[i], NULL);

        if (real)
            strs_add(a, &all->devices_real, real);
        free(real);
    }
}

void risks_of_sources(struct arena *a, const struct risk_host *host, struct risk_sources *all,
                      struct risk_findings *out)
{
    struct judge *j;

    ASSERT_WORKER();
    resolve_devices(a, all);
    if (!all->n)
        return;
    j = arena_new(a, struct judge);
    j->a = a;
    j->host = host;
    j->out = out;
    judge_init(j);
    for (size_t i = 0; i < all->n; i++)
        judge_source(j, &all->v[i]);
}

/* ---- what there is to judge ---- */

static void add_source(struct arena *a, struct risk_sources *out, struct risk_source s)
{
    out->v = arena_grow(a, out->v, out->n, &out->room, sizeof(*out->v));
    s.path = arena_strdup(a, s.path);
    s.volume = arena_strdup(a, s.volume);
    out->v[out->n++] = s;
}

void risk_sources_add_bind(struct arena *a, struct risk_sources *out, const char *path,
                           bool is_writable, bool is_recursive)
{
    struct risk_source s = {
        .path = path, .is_writable = is_writable, .is_recursive = is_recursive, .is_bind = true};

    add_source(a, out, s);
}

struct risk_sources risk_sources_copy(struct arena *a, const struct risk_sources *from)
{
    struct risk_sources out = {0};

    for (size_t i = 0; i < from->n; i++)
        add_source(a, &out, from->v[i]);
    return out;
}

/* The kernel's own, whatever device is named: what the host shows of it there. */
static const struct kernel_system {
    const char *type, *shows;
} kernel_systems[] = {
    {"proc", "/proc"},
    {"sysfs", "/sys"},
    {"cgroup", "/sys/fs/cgroup"},
    {"cgroup2", "/sys/fs/cgroup"},
    {"devtmpfs", "/dev"},
    {"devpts", "/dev/pts"},
    {"mqueue", "/dev/mqueue"},
    {"debugfs", "/sys/kernel/debug"},
    {"tracefs", "/sys/kernel/tracing"},
    {"securityfs", "/sys/kernel/security"},
    {"configfs", "/sys/kernel/config"},
    {"bpf", "/sys/fs/bpf"},
    {"efivarfs", "/sys/firmware/efi/efivars"},
    {"pstore", "/sys/fs/pstore"},
    {"resctrl", "/sys/fs/resctrl"},
    {"selinuxfs", "/sys/fs/selinux"},
    {"smackfs", "/sys/fs/smackfs"},
    {"fusectl", "/sys/fs/fuse/connections"},
    {"binfmt_misc", "/proc/sys/fs/binfmt_misc"},
    {"nfsd", "/proc/fs/nfsd"},
    {"rpc_pipefs", "/proc/net/rpc"},
};

/* Whose device is no path: a server's, or a word that nobody reads. */
static const char *const pathless_systems[] = {
    "tmpfs", "ramfs", "hugetlbfs", "overlay", "nfs", "nfs4", "cifs", "smb3", "ceph", "9p", "afs",
};

static const char *find_kernel_system(const char *type)
{
    for (size_t i = 0; i < ARRAY_LEN(kernel_systems); i++)
        if (text_same(type, kernel_systems[i].type))
            return kernel_systems[i].shows;
    return NULL;
}

static bool is_pathless(const char *type)
{
    for (size_t i = 0; i < ARRAY_LEN(pathless_systems); i++)
        if (text_same(type, pathless_systems[i]))
            return true;
    return false;
}

/* The kernel resolves what is relative from where the engine is. */
static const char *absolute(struct arena *a, const char *path)
{
    char here[PATH_MAX];

    return *path == '/' || !getcwd(here, sizeof(here)) ? path : path_join(a, here, path);
}

/* A backslash takes what follows literally, or is one itself: that depends on kernel and key, so
 * both are judged. */
static void add_overlay_paths(struct arena *a, struct risk_sources *out, struct risk_source s,
                              const char *paths)
{
    char *plain = arena_strdup(a, paths), *to = plain, *begin = plain;
    struct strs all = text_split(a, paths, ':');
    bool has_more = strchr(paths, '\\') != NULL;

    while (has_more) {
        bool is_literal = *paths == '\\' && paths[1];

        paths += is_literal;
        has_more = *paths != '\0';
        if (!is_literal && (*paths == ':' || !*paths)) {
            strs_add(a, &all, arena_strndup(a, begin, (size_t)(to - begin)));
            begin = to;
        } else {
            *to++ = *paths;
        }
        paths++;
    }
    for (size_t i = 0; i < all.n; i++)
        if (*all.v[i]) {
            s.path = absolute(a, all.v[i]);
            add_source(a, out, s);
        }
}

/* "lowerdir=/a:/b,upperdir=/c" */
static void add_overlay(struct arena *a, struct risk_sources *out, struct risk_source s,
                        const char *options)
{
    static const char *const keys[] = {
        "lowerdir=", "lowerdir+=", "datadir+=", "upperdir=", "workdir="};
    struct strs list = text_split(a, options ? options : "", ',');

    for (size_t i = 0; i < list.n; i++)
        for (size_t k = 0; k < ARRAY_LEN(keys); k++)
            if (text_starts(list.v[i], keys[k]))
                add_overlay_paths(a, out, s, list.v[i] + strlen(keys[k]));
}

void risk_sources_add_volume(struct arena *a, struct risk_sources *out, const char *name,
                             const char *path, const struct pairs *options, bool is_writable)
{
    const char *device = pairs_get(options, "device"), *type = pairs_get(options, "type");
    const char *shows = find_kernel_system(type);
    struct risk_source s = {
        .path = path, .volume = name, .is_writable = is_writable, .is_recursive = true};

    if (text_same(type, "overlay"))
        add_overlay(a, out, s, pairs_get(options, "o"));
    if (shows) {
        s.path = shows;
        add_source(a, out, s);
    }
    if (shows || (!text_is_empty(device) && *device != '/' && is_pathless(type)))
        return;
    s.is_own = text_is_empty(device);
    if (s.is_own && text_is_empty(path))
        return; /* it is not there yet */
    if (!s.is_own)
        s.path = absolute(a, device);
    s.is_bind =
        !s.is_own && (text_is_empty(type) || text_same(type, "none") || text_same(type, "bind"));
    add_source(a, out, s);
}
