/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A container's /etc/hostname, /etc/hosts and /etc/resolv.conf: texts by net/hosts,
 * files in the container's directory, bound over the image's. The plan runs on the
 * loop, etc_files_open on a worker.
 */
#include "place/files.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "container/doc.h"
#include "container/object.h"
#include "core/settings.h"
#include "net/hosts.h"
#include "net/network.h"
#include "place/dns.h"
#include "place/legacy_links.h"
#include "place/networks.h"
#include "runtime/config.h"
#include "runtime/label.h"
#include "runtime/sandbox.h"
#include "storage/rootfs.h"

#define RESOLV_MAX 65536
#define HOSTS_MAX (1 << 20) /* what is kept of what the container has made of it */
#define SYSTEMD_RESOLV "/run/systemd/resolve/resolv.conf"

/* The whole name, and its first label: either may have been given in the host's name alone. */
static char *own_names(struct arena *a, const struct config *c)
{
    const char *host = c->hostname, *domain = text_is_empty(c->domainname) ? "" : c->domainname;
    int label = (int)strcspn(host, ".");

    if (!*domain && !host[label])
        return arena_strdup(a, host);
    return arena_printf(a, "%s%s%s %.*s", host, *domain ? "." : "", domain, label, host);
}

struct host_lines {
    struct hosts_entry *v;
    size_t n;
};

static char *text4(struct arena *a, uint32_t addr)
{
    char text[ADDR4_TEXT];

    addr4_text(addr, text);
    return addr ? arena_strdup(a, text) : "";
}

static char *text6(struct arena *a, const struct in6_addr *addr)
{
    char text[ADDR6_TEXT];

    addr6_text(addr, text);
    return addr6_is_none(addr) ? "" : arena_strdup(a, text);
}

static void add_line(struct host_lines *l, const char *addr, const char *names)
{
    if (addr[0])
        l->v[l->n++] = (struct hosts_entry){addr, names};
}

static struct host_lines plan_own_lines(struct arena *a, const struct container *c)
{
    struct host_lines own = {.v = arena_array(a, 2 * c->n_endpoints + 1, sizeof(*own.v))};
    const char *names = own_names(a, &c->doc.config);

    for (size_t i = 0; i < c->n_endpoints; i++) {
        const struct endpoint *e = c->endpoints[i];

        if (!e->network)
            continue;
        add_line(&own, text4(a, e->spec.addr), names);
        add_line(&own, text6(a, &e->spec.addr6), names);
    }
    return own;
}

/* host-gateway: a line for each family that some network has. */
struct gateways {
    const char *v4, *v6;
};

static struct gateways find_gateways(struct arena *a, const struct container *c)
{
    const struct strs *given = &c->parts->settings->host_gateway_ips;
    struct gateways g = {"", ""};

    for (size_t i = 0; i < given->n; i++)
        *(strchr(given->v[i], ':') ? &g.v6 : &g.v4) = given->v[i];
    if (given->n)
        return g;

    for (size_t i = 0; i < c->n_endpoints; i++) {
        const struct network *n = c->endpoints[i]->network;
        struct in6_addr v6;

        if (!n)
            continue;
        v6 = network_gateway6(n);
        if (!g.v4[0])
            g.v4 = text4(a, network_gateway(n));
        if (!g.v6[0])
            g.v6 = text6(a, &v6);
    }
    return g;
}

static void add_extra(struct arena *a, const char *spec, const struct gateways *g,
                      struct host_lines *out)
{
    bool is_gateway = text_ends(spec, "host-gateway");
    bool both = is_gateway && g->v4[0] && g->v6[0];

    for (int i = 0; i <= (both ? 1 : 0); i++) {
        const char *gateway = g->v4[0] && i == 0 ? g->v4 : g->v6;
        struct err *err = hosts_parse_extra(a, spec, gateway, &out->v[out->n]);

        if (err) /* checked at create */
            err_drop(err);
        else
            out->n++;
    }
}

static char *plan_hosts(struct arena *a, const struct container *c)
{
    const struct host_config *h = &c->doc.host;
    struct host_lines own = plan_own_lines(a, c);
    struct gateways gateways = find_gateways(a, c);
    struct hosts_entry *linked;
    size_t n_linked;
    struct host_lines extra = {0};

    legacy_links_hosts(c, a, &linked, &n_linked);
    extra.v = arena_array(a, 2 * h->extra_hosts.n + n_linked + 1, sizeof(*extra.v));
    for (size_t i = 0; i < h->extra_hosts.n; i++)
        add_extra(a, h->extra_hosts.v[i], &gateways, &extra);
    memcpy(extra.v + extra.n, linked, n_linked * sizeof(*linked));
    return hosts_text(a, own.v, own.n, extra.v, extra.n + n_linked);
}

static bool has_ipv6(const struct container *c)
{
    for (size_t i = 0; i < c->n_endpoints; i++)
        if (c->endpoints[i]->spec.bits6)
            return true;
    return false;
}

void etc_files_plan(struct arena *a, const struct container *c, struct etc_files *out)
{
    const struct settings *s = c->parts->settings;
    const struct host_config *h = &c->doc.host;
    struct container *other = NULL;

    err_drop(mode_container(c->table, h->network_mode, &other));
    *out = (struct etc_files){
        .hostname = arena_printf(a, "%s\n", c->doc.config.hostname),
        .is_readonly = h->readonly_rootfs,
    };
    if (other) {
        out->other_dir = rootfs_dir(c->parts->layers, a, other->doc.id);
        return;
    }
    out->is_host = network_mode_is(h, "host");
    out->strip_loopback = !out->is_host;
    out->has_resolver = resolver_is_wanted(c);
    out->has_ipv6 = has_ipv6(c);
    if (!out->is_host || h->extra_hosts.n > 0)
        out->hosts = plan_hosts(a, c);
    out->dns = strs_copy(a, h->dns.n ? &h->dns : &s->dns);
    out->search = strs_copy(a, h->dns_search.n ? &h->dns_search : &s->dns_search);
    out->options = strs_copy(a, h->dns_options.n ? &h->dns_options : &s->dns_options);
}

/* ---- worker ---- */

static char *read_resolv(struct arena *a)
{
    char *text = NULL;
    size_t n;
    struct err *err = file_read(a, AT_FDCWD, "/etc/resolv.conf", RESOLV_MAX, &text, &n);

    if (!err && strstr(text, "127.0.0.53")) { /* systemd-resolved's stub: its upstreams are there */
        char *real = NULL;

        err = file_read(a, AT_FDCWD, SYSTEMD_RESOLV, RESOLV_MAX, &real, &n);
        if (!err)
            text = real;
    }
    err_drop(err);
    return text ? text : "";
}

static char *read_host_file(struct arena *a, const char *path)
{
    char *text = NULL;
    size_t n;

    err_drop(file_read(a, AT_FDCWD, path, RESOLV_MAX * 16, &text, &n));
    return text ? text : "";
}

static char *resolv_of(struct arena *a, const struct etc_files *f)
{
    struct resolv_options o = {
        .dns = &f->dns,
        .search = &f->search,
        .options = &f->options,
        .strip_loopback = f->strip_loopback,
        .has_ipv6 = f->has_ipv6,
        .has_resolver = f->has_resolver,
    };

    return resolv_text(a, read_resolv(a), &o);
}

static bool user_mounts(const struct mount_point *mounts, size_t n, const char *target)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(mounts[i].destination, target) == 0)
            return true;
    return false;
}

/* For the first start there is none yet, and nobody who could see a part of it. */
static struct err *write_file(int dir, const char *name, const char *text)
{
    autoclose int fd =
        openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);

    if (fd < 0 && errno == EEXIST)
        return file_write_atomic(dir, name, text, strlen(text), 0644, false);
    if (fd < 0 || fchmod(fd, 0644) < 0)
        return err_sys("make the %s of a container", name);
    return fd_write_all(fd, text, strlen(text));
}

struct err *etc_files_open_again(struct arena *a, const char *dir, const struct mount_point *mounts,
                                 size_t n_mounts, struct sandbox_mount *out, size_t *n)
{
    static const char *const names[ETC_FILES] = {"hostname", "hosts", "resolv.conf"};
    struct bind_options_plan plan = {0};

    *n = 0;
    for (size_t i = 0; i < ETC_FILES; i++) {
        char *target = arena_printf(a, "/etc/%s", names[i]);
        struct err *err;

        if (user_mounts(mounts, n_mounts, target))
            continue;
        err = bind_open(path_join(a, dir, names[i]), &plan, &out[*n].fd, &out[*n].is_file);
        if (!err)
            out[(*n)++].target = target;
        err_drop(err); /* no start has made it yet */
    }
    return NULL;
}

struct err *etc_files_open(struct arena *a, const char *dir, const struct etc_files *f,
                           const struct mount_point *mounts, size_t n_mounts,
                           const struct mount_as *as, struct sandbox_mount *out, size_t *n)
{
    struct bind_options_plan plan = {.read_only = f->is_readonly, .as = *as};
    const struct {
        const char *name, *target, *text;
    } files[ETC_FILES] = {
        {"hostname", "/etc/hostname", f->hostname},
        {"hosts", "/etc/hosts", f->hosts ? f->hosts : read_host_file(a, "/etc/hosts")},
        {"resolv.conf", "/etc/resolv.conf", resolv_of(a, f)},
    };
    autoclose int own = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);

    if (f->other_dir && as->context) /* two containers have them */
        plan.as.context = label_shared(a, as->context);
    *n = 0;
    if (own < 0)
        return err_sys("open %s", dir);
    for (size_t i = 0; i < ETC_FILES; i++) {
        const char *from = f->other_dir ? f->other_dir : dir;
        struct err *err = NULL;

        if (user_mounts(mounts, n_mounts, files[i].target))
            continue;
        out[*n] = (struct sandbox_mount){.fd = -1, .target = files[i].target};
        if (!f->other_dir)
            err = write_file(own, files[i].name, files[i].text);
        if (!err)
            err =
                bind_open(path_join(a, from, files[i].name), &plan, &out[*n].fd, &out[*n].is_file);
        if (err) {
            while (*n > 0)
                close(out[--*n].fd);
            return err;
        }
        ++*n;
    }
    return NULL;
}

/* The container has the file, and may have a lease on it: whoever waited for that would hold a
 * worker and the container's lane (fcntl(2), F_SETLEASE). */
static struct err *open_written(struct arena *a, const char *dir, const char *name, int *out)
{
    int fd = open(path_join(a, dir, name), O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

    if (fd < 0 && errno == EWOULDBLOCK)
        return err_new(ERR_CONFLICT, "the container has a lease on its %s", name);
    if (fd < 0)
        return err_sys("open the %s of a container", name);
    *out = fd;
    return NULL;
}

/* Over what is there, then cut to its length: at no moment is it empty, and a full disk leaves what
 * was there before. */
static struct err *write_over(int fd, const char *text, size_t len)
{
    if (lseek(fd, 0, SEEK_SET) < 0)
        return err_sys("write");
    TRY(fd_write_all(fd, text, len));
    return ftruncate(fd, (off_t)len) < 0 ? err_sys("cut to %zu bytes", len) : NULL;
}

struct err *etc_files_write_resolv(struct arena *a, const char *dir, const struct etc_files *f)
{
    const char *text = resolv_of(a, f);
    autoclose int fd = -1;

    TRY(open_written(a, dir, "resolv.conf", &fd));
    return write_over(fd, text, strlen(text));
}

/* Of what the container has made of it, the first HOSTS_MAX bytes up to the end of a line. */
static struct err *read_written(struct arena *a, int fd, char **out, size_t *out_len)
{
    struct stat st;
    char *text;
    size_t len = 0, room;
    ssize_t n;

    if (fstat(fd, &st) < 0)
        return err_sys("stat the hosts of a container");
    room = st.st_size > HOSTS_MAX ? HOSTS_MAX + 1 : (size_t)st.st_size;
    text = arena_alloc(a, room + 1);
    do {
        n = read(fd, text + len, room - len);
        len += n > 0 ? (size_t)n : 0;
    } while ((n < 0 && errno == EINTR) || (n > 0 && len < room));
    if (n < 0)
        return err_sys("read the hosts of a container");
    if (len > HOSTS_MAX) {
        const char *last = memrchr(text, '\n', HOSTS_MAX);

        len = last ? (size_t)(last + 1 - text) : 0;
        log_warn("a container's /etc/hosts is larger than 1 MiB: the rest is cut off",
                 KV_INT("kept", (int64_t)len));
    }
    *out = text;
    *out_len = len;
    return NULL;
}

struct err *etc_files_update_hosts(struct arena *a, const char *dir, const struct hosts_entry *v,
                                   size_t n)
{
    autoclose int fd = -1;
    char *text;
    size_t len;

    TRY(open_written(a, dir, "hosts", &fd));
    TRY(read_written(a, fd, &text, &len));
    text = hosts_update(a, text, len, v, n, &len);
    return write_over(fd, text, len);
}
