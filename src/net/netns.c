/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one thread of the engine that may change its network namespace. It makes
 * namespaces (unshare), opens a netlink socket inside each, and goes home after every
 * request; workers wait for it. A socket keeps working in the namespace where it was
 * opened, so nobody else ever needs setns. Sockets hold the namespace: close them.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "base/list.h"
#include "base/log.h"

#include "inner.h"

struct netns_request {
    struct list link;
    int netns;    /* -1: make one */
    bool is_bare; /* somebody else has made it */
    struct nl *nl;
    struct err *(*fn)(void *arg); /* NULL: a netlink socket is wanted */
    void *arg;
    struct err *err;
    bool is_done;
};
struct netns_thread {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t asked, answered;
    struct list requests;
    int home;
    bool is_stopping;
};

/* Docker's defaults for a private namespace, and: interfaces made from now on have no IPv6
 * (lo keeps ::1) until netns_allow_ipv6. /proc/sys/net shows the namespace of the thread that
 * opens it. */
static const char *const sysctls[][2] = {
    {"/proc/sys/net/ipv4/ping_group_range", "0 2147483647"},
    {"/proc/sys/net/ipv4/ip_unprivileged_port_start", "0"},
    {"/proc/sys/net/ipv6/conf/default/disable_ipv6", "1"},
};

static void set_sysctls(void)
{
    for (size_t i = 0; i < ARRAY_LEN(sysctls); i++) {
        autoclose int fd = open(sysctls[i][0], O_WRONLY | O_CLOEXEC);

        if (fd >= 0 && write(fd, sysctls[i][1], strlen(sysctls[i][1])) < 0)
            log_debug("sysctl not set", KV("path", sysctls[i][0]), KV_INT("errno", errno));
    }
}

static struct err *furnish_here(struct netns_request *q)
{
    set_sysctls();
    TRY(nl_open(&q->nl));
    link_add_up(q->nl, LO_IFINDEX);
    return nl_commit(q->nl);
}

static struct err *make_here(struct netns_request *q)
{
    autoclose int netns = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);

    if (netns < 0)
        return err_sys("open the new network namespace");
    TRY(furnish_here(q));
    q->netns = steal_fd(&netns);
    return NULL;
}

/* setns and unshare of a network namespace concern the calling thread alone (setns(2)); the other
 * threads stay where they are. To stay away from home is not possible to go on from: the next
 * request would be served in a container. */
static void serve(struct netns_thread *t, struct netns_request *q)
{
    if (q->netns >= 0) {
        if (setns(q->netns, CLONE_NEWNET) != 0)
            q->err = err_sys("enter a network namespace");
        else if (q->is_bare)
            q->err = furnish_here(q);
        else
            q->err = q->fn ? q->fn(q->arg) : nl_open(&q->nl);
    } else {
        q->err = unshare(CLONE_NEWNET) ? err_sys("make a network namespace%s", err_no_room())
                                       : make_here(q);
    }
    ASSERT(setns(t->home, CLONE_NEWNET) == 0);
    if (q->err) {
        nl_close(q->nl);
        q->nl = NULL;
    }
}

static void *run(void *arg)
{
    struct netns_thread *t = arg;

    pthread_mutex_lock(&t->lock);
    for (;;) {
        struct netns_request *q = list_first(&t->requests, struct netns_request, link);

        if (!q && t->is_stopping)
            break;
        if (!q) {
            pthread_cond_wait(&t->asked, &t->lock);
            continue;
        }
        list_remove(&q->link);
        pthread_mutex_unlock(&t->lock);
        serve(t, q);
        pthread_mutex_lock(&t->lock);
        q->is_done = true;
        pthread_cond_broadcast(&t->answered);
    }
    pthread_mutex_unlock(&t->lock);
    return NULL;
}

struct err *netns_thread_create(struct netns_thread **out)
{
    struct netns_thread *t;
    autoclose int home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    int sys;

    if (home < 0)
        return err_sys("open the network namespace of the host");
    t = mem_new(struct netns_thread);

    list_init(&t->requests);
    pthread_mutex_init(&t->lock, NULL);
    pthread_cond_init(&t->asked, NULL);
    pthread_cond_init(&t->answered, NULL);
    t->home = home;
    sys = pthread_create(&t->thread, NULL, run, t);
    if (sys) {
        free(t);
        return err_sysno(sys, "start a thread");
    }
    steal_fd(&home);
    *out = t;
    return NULL;
}

void netns_thread_destroy(struct netns_thread *t)
{
    if (!t)
        return;
    pthread_mutex_lock(&t->lock);
    t->is_stopping = true;
    pthread_cond_signal(&t->asked);
    pthread_mutex_unlock(&t->lock);
    pthread_join(t->thread, NULL);
    pthread_mutex_destroy(&t->lock);
    pthread_cond_destroy(&t->asked);
    pthread_cond_destroy(&t->answered);
    close(t->home);
    free(t);
}

static struct err *ask(struct netns_thread *t, struct netns_request *q)
{
    pthread_mutex_lock(&t->lock);
    list_append(&t->requests, &q->link);
    pthread_cond_signal(&t->asked);
    while (!q->is_done)
        pthread_cond_wait(&t->answered, &t->lock);
    pthread_mutex_unlock(&t->lock);
    return q->err;
}

struct err *netns_make(struct netns_thread *t, int *out_netns, struct nl **out_nl)
{
    struct netns_request q = {.netns = -1};

    TRY(ask(t, &q));
    *out_netns = q.netns;
    *out_nl = q.nl;
    return NULL;
}

struct err *netns_furnish(struct netns_thread *t, int netns, struct nl **out_nl)
{
    struct netns_request q = {.netns = netns, .is_bare = true};

    TRY(ask(t, &q));
    *out_nl = q.nl;
    return NULL;
}

struct err *netns_enter(struct netns_thread *t, int netns, struct nl **out_nl)
{
    struct netns_request q = {.netns = netns};

    TRY(ask(t, &q));
    *out_nl = q.nl;
    return NULL;
}

struct err *netns_call(struct netns_thread *t, int netns, struct err *(*fn)(void *arg), void *arg)
{
    struct netns_request q = {.netns = netns, .fn = fn, .arg = arg};

    return ask(t, &q);
}

/* The addresses are the engine's to give: none of the kernel's making, none by a neighbour's router
 * advertisement (CVE-2020-13401). Once IPv6 is on, link-up makes no address either. */
static struct err *allow_ipv6(void *arg)
{
    static const char *const values[][2] = {
        {"accept_ra", "0"}, {"addr_gen_mode", "1"}, {"disable_ipv6", "0"}};

    for (size_t i = 0; i < ARRAY_LEN(values); i++)
        TRY(link_set_ipv6(arg, values[i][0], values[i][1]));
    return NULL;
}

struct err *netns_allow_ipv6(struct netns_thread *t, int netns, const char *ifname)
{
    char name[16];

    snprintf(name, sizeof(name), "%s", ifname);
    return netns_call(t, netns, allow_ipv6, name);
}
