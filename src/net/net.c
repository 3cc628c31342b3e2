/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Start-up, end, and the bridges. Everything that waits for the kernel is a worker's;
 * the struct itself is shared under one lock (see inner.h). The struct outlives
 * net_close while callbacks of ours are still on their way to the loop.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/own_user.h"

#include "dns_inner.h"
#include "forwarding.h"
#include "inner.h"
#include "nft.h"
#include "sources.h"

/* With the lock held: bridges come and go by workers. */
struct bridge *net_find_bridge(struct net *n, const char *ifname)
{
    list_each (b, &n->bridges, struct bridge, link)
        if (!strcmp(b->spec.ifname, ifname))
            return b;
    return NULL;
}

void net_ref(struct net *n)
{
    pthread_mutex_lock(&n->lock);
    n->refs++;
    pthread_mutex_unlock(&n->lock);
}

/* The last reference may be a job's whose answer came after net_close. */
static void net_free(struct net *n)
{
    ASSERT(!n->jobs && !n->refs);
    rules_destroy(n->rules);
    proxy_destroy(n->proxy);
    dns_destroy(n->dns);
    sources_destroy(n->sources);
    forwarding_destroy(n->forwarding);
    legacy_link_rules_free(n);
    port_table_destroy(n->ports);
    netns_thread_destroy(n->netns);
    list_each (b, &n->bridges, struct bridge, link)
        free(b);
    pthread_mutex_destroy(&n->kernel_lock);
    pthread_mutex_destroy(&n->lock);
    pthread_cond_destroy(&n->job_ended);
    free(n);
}

void net_unref(struct net *n)
{
    int left;

    pthread_mutex_lock(&n->lock);
    ASSERT(n->refs > 0);
    left = --n->refs;
    pthread_mutex_unlock(&n->lock);
    if (!left)
        net_free(n);
}

void net_job_began(struct net *n)
{
    pthread_mutex_lock(&n->lock);
    n->jobs++;
    pthread_mutex_unlock(&n->lock);
}

void net_job_ended(struct net *n)
{
    pthread_mutex_lock(&n->lock);
    ASSERT(n->jobs > 0);
    n->jobs--;
    pthread_cond_broadcast(&n->job_ended);
    pthread_mutex_unlock(&n->lock);
}

/* ---- start-up ---- */

void net_lock_kernel(struct net *n)
{
    ASSERT(!pthread_mutex_lock(&n->kernel_lock));
}

void net_unlock_kernel(struct net *n)
{
    ASSERT(!pthread_mutex_unlock(&n->kernel_lock));
}

static struct strs bridge_names(struct net *n, struct arena *a)
{
    struct strs out = {0};

    pthread_mutex_lock(&n->lock);
    list_each (b, &n->bridges, struct bridge, link)
        strs_add(a, &out, arena_strdup(a, b->spec.ifname));
    pthread_mutex_unlock(&n->lock);
    return out;
}

/* ---- forwarding ---- */

/* The rules that keep the host from being a router for all first. The next replacement of the table
 * has them too. */
static struct err *guard_and_turn_on(struct net *n, enum forward_family family)
{
    autoarena struct arena *a = arena_create();
    autobuf struct buf text = {0};
    struct strs own = bridge_names(n, a);

    TRY(forwarding_guard(n->forwarding, n->tag, &own, &text));
    TRY(rules_run(n, text.data));
    return forwarding_turn_on(family);
}

static struct err *set_forwarding(struct net *n, enum forward_family family)
{
    struct err *e;
    bool is_off;

    net_lock_kernel(n);
    e = forwarding_claim(n->forwarding, family, &is_off);
    if (!e && is_off)
        e = guard_and_turn_on(n, family);
    net_unlock_kernel(n);
    return e;
}

static char read_sysctl6(const char *ifname, const char *name)
{
    char path[NAME_MAX + 64], value = '0'; /* the link is a name that readdir has given */

    snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/%s", ifname, name);
    autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || read(fd, &value, 1) != 1)
        return '0';
    return value;
}

/* Links whose router advertisements count no more: a forwarding host takes them with accept_ra 2
 * only. Not ours to change: it may be what the host lives from, or what it was never meant to
 * do. */
static void warn_of_router_advertisements(void)
{
    autobuf struct buf links = {0};
    DIR *dir = opendir("/proc/sys/net/ipv6/conf");
    struct dirent *d;

    while (dir && (d = readdir(dir)) && links.len < 200) {
        if (d->d_name[0] == '.' || !strcmp(d->d_name, "all") || !strcmp(d->d_name, "default") ||
            !strcmp(d->d_name, "lo") || read_sysctl6(d->d_name, "accept_ra") != '1')
            continue;
        buf_printf(&links, "%s%s", links.len ? " " : "", d->d_name);
    }
    if (dir)
        closedir(dir);
    if (links.len)
        log_warn("with IPv6 forwarding these links ignore router advertisements; set "
                 "net.ipv6.conf.<link>.accept_ra to 2 where the host needs them",
                 KV("links", links.data));
}

/* With the first IPv6 network, not before: who has none keeps a host that is no router. */
static struct err *set_forwarding6(struct net *n)
{
    if (read_sysctl6("all", "forwarding") == '1')
        return NULL;
    warn_of_router_advertisements();
    return set_forwarding(n, FORWARD6);
}

/* At start-up, where it can be said: without nftables or netlink every start would fail later. */
static struct err *check_kernel(void)
{
    struct nl *nl;
    struct err *e;

    TRY(nl_open(&nl));
    nl_close(nl);
    e = nft_check();
    return e ? err_wrap(e, "bridge networks are not possible") : NULL;
}

struct err *net_open(struct loop *l, struct pools *p, const struct net_settings *s,
                     struct net **out)
{
    struct netns_thread *netns;
    autoclose int epoll = -1;
    struct net *n;
    struct err *e;

    TRY(check_kernel());
    epoll = own_user_epoll();
    if (epoll < 0)
        return err_sys("wait for clients of published ports");
    TRY(netns_thread_create(&netns));
    n = mem_new(struct net);
    n->loop = l;
    n->pools = p;
    snprintf(n->tag, sizeof(n->tag), "%s", s->tag);
    n->pools_of_subnets = s->pools;
    n->ip_masq = s->ip_masq;
    n->ip_forward = s->ip_forward;
    n->userland_proxy = s->userland_proxy || s->publish_by_proxy;
    n->publish_by_proxy = s->publish_by_proxy;
    n->accept_forward = s->accept_forward;
    n->refs = 1;
    pthread_mutex_init(&n->kernel_lock, NULL);
    pthread_mutex_init(&n->lock, NULL);
    pthread_cond_init(&n->job_ended, NULL);
    list_init(&n->bridges);
    list_init(&n->all_ports);
    list_init(&n->legacy_link_sets);
    n->forwarding = forwarding_create(s->forwarding_file);
    n->netns = netns;
    n->ports = port_table_create();
    n->rules = rules_create(n);
    e = s->ip_forward ? set_forwarding(n, FORWARD4) : NULL;
    if (e) {
        net_unref(n);
        return e;
    }
    n->sources = sources_create(n);
    n->rules_watch = rules_watch_create(n);
    n->proxy = proxy_create(n, steal_fd(&epoll));
    n->dns = dns_create(n);
    *out = n;
    return NULL;
}

static void remove_all(struct net *n)
{
    autoarena struct arena *a = arena_create();
    struct strs own = bridge_names(n, a);
    struct nl *nl;
    struct err *e;

    forwarding_give_back(n->forwarding, &own); /* while the rules stand */
    e = rules_remove_table(n);
    if (!e)
        e = sources_remove(n);
    if (e)
        log_warn("nftables table not removed", KV("why", err_text(e)));
    err_drop(e);
    e = nl_open(&nl);
    if (e) {
        err_drop(e);
        return;
    }
    list_each (b, &n->bridges, struct bridge, link)
        link_remove(nl, b->spec.ifname);
    nl_close(nl);
}

/* Jobs of workers are waited for, since they use the struct; callbacks on their way to the loop
 * keep a reference. */
void net_close(struct net *n, bool clean)
{
    if (!n)
        return;
    ASSERT_LOOP();
    ASSERT(!n->is_closed);
    n->is_closed = true;
    rules_watch_destroy(steal_ptr(&n->rules_watch));
    netns_pool_drain(n, NULL); /* jobs that are filling stop and close what they made */
    pthread_mutex_lock(&n->lock);
    while (n->jobs > 0)
        pthread_cond_wait(&n->job_ended, &n->lock);
    pthread_mutex_unlock(&n->lock);
    if (clean)
        remove_all(n);
    net_unref(n);
}

/* ---- bridges ---- */

/* Router advertisements of a container must not reconfigure the host. */
static void refuse_router_advertisements(const char *ifname)
{
    char path[80];

    snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/accept_ra", ifname);
    autoclose int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd >= 0 && write(fd, "0", 1) != 1)
        log_debug("accept_ra not cleared", KV("link", ifname), KV_INT("errno", errno));
}

/* Ports of a bridge without icc reach nobody but the host: it answers for their neighbours and
 * the rules decide what it hands on (RFC 3069). */
static void answer_for_isolated(const char *ifname)
{
    static const char *const files[][2] = {
        {"/proc/sys/net/ipv4/conf/%s/proxy_arp_pvlan", "1"},
        {"/proc/sys/net/ipv4/neigh/%s/proxy_delay", "0"},
    };

    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        autoarena struct arena *a = arena_create();
        autoclose int fd = open(arena_printf(a, files[i][0], ifname), O_WRONLY | O_CLOEXEC);

        if (fd >= 0 && write(fd, files[i][1], 1) != 1)
            log_debug("sysctl not set", KV("path", files[i][0]), KV_INT("errno", errno));
    }
}

/* Made if it is not there, else set right: an engine before this one, or an administrator, may have
 * left it otherwise. */
struct err *net_bridge_ensure(struct net *n, const struct bridge_spec *spec)
{
    struct nl *nl;
    int ifindex = 0;
    unsigned ports = 0;
    struct err *e;

    if (spec->address6.bits && n->ip_forward && !spec->internal)
        TRY(set_forwarding6(n));
    TRY(nl_open(&nl));
    e = link_ensure_bridge(nl, spec, &ifindex);
    if (!e)
        e = link_count_ports(nl, ifindex, &ports);
    nl_close(nl);
    TRY(e);
    refuse_router_advertisements(spec->ifname);
    if (!spec->icc)
        answer_for_isolated(spec->ifname);

    pthread_mutex_lock(&n->lock);
    struct bridge *b = net_find_bridge(n, spec->ifname);
    if (!b) {
        b = mem_new(struct bridge);
        list_append(&n->bridges, &b->link);
    }
    ASSERT(ifindex > 0);
    b->spec = *spec;
    b->ifindex = ifindex;
    b->ports_at_most = ports;
    n->bridges_version++;
    pthread_mutex_unlock(&n->lock);
    return NULL;
}

void net_bridge_remove(struct net *n, const char *ifname)
{
    struct nl *nl;
    struct err *e = nl_open(&nl);

    if (!e) {
        link_remove(nl, ifname);
        nl_close(nl);
    }
    err_drop(e);
    pthread_mutex_lock(&n->lock);
    struct bridge *b = net_find_bridge(n, ifname);
    if (b) {
        ASSERT(!b->pool); /* netns_pool_set(…, 0) comes first, on the loop */
        list_remove(&b->link);
        free(b);
        n->bridges_version++;
    }
    pthread_mutex_unlock(&n->lock);
}
