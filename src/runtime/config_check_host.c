/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is well said but cannot be on this host: limits that the engine may not raise, and kernel
 * settings that a namespace of its own does not have. Otherwise it would only fail at the start,
 * and look there as if the command were at fault. Worker.
 *
 * Settings are tried, not looked up: which of them a namespace has differs from kernel to kernel.
 * A thread of its own goes into new namespaces and writes them there; both end with it.
 */
#include "caps.h"
#include "process.h"

#include "runtime/sandbox.h"

#include "base/fd.h"
#include "core/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* ---- limits ---- */

static bool may_raise(void)
{
    return caps_held() & CAPS_BIT(caps_number("SYS_RESOURCE"));
}

static int64_t read_number(const char *path)
{
    char text[32];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

    if (fd >= 0)
        close(fd);
    if (n <= 0)
        return INT64_MIN;
    text[n] = '\0';
    return strtoll(text, NULL, 10);
}

static struct err *check_limit(const struct ulimit *asked, const struct process_limit *limit,
                               bool is_free)
{
    struct rlimit own;
    uint64_t most = RLIM_INFINITY;

    if (!is_free && getrlimit(limit->resource, &own) == 0)
        most = own.rlim_max;
    if (limit->hard > most)
        return err_new(ERR_INVALID,
                       "ulimit %s=%lld:%lld is above the hard limit of the engine (%llu), which "
                       "lacks SYS_RESOURCE to raise it: raise that of berthd, or ask for less",
                       asked->name, (long long)asked->soft, (long long)asked->hard,
                       (unsigned long long)most);
    if (limit->resource == RLIMIT_NOFILE) {
        int64_t files = read_number("/proc/sys/fs/nr_open");

        if (files > 0 && limit->hard > (uint64_t)files)
            return err_new(ERR_INVALID,
                           "ulimit %s=%lld:%lld is above fs.nr_open of this host (%lld): raise it "
                           "by sysctl, or ask for less",
                           asked->name, (long long)asked->soft, (long long)asked->hard,
                           (long long)files);
    }
    return NULL;
}

static struct err *check_limits(struct arena *a, const struct host_config *h)
{
    const struct ulimit *asked = h->ulimits.v;
    struct process_limit *limits;

    TRY(process_limits(a, &h->ulimits, &limits));
    for (size_t i = 0; i < h->ulimits.n; i++)
        TRY(check_limit(&asked[i], &limits[i], may_raise()));
    return NULL;
}

/* The kernel's bound is what was last set with the right to; its own value is that (proc(5)). */
static struct err *check_oom_score(const struct host_config *h)
{
    int64_t own;

    if (h->oom_score_adj >= 0 || may_raise())
        return NULL;
    own = read_number("/proc/self/oom_score_adj");
    if (h->oom_score_adj >= own)
        return NULL;
    return err_new(ERR_INVALID,
                   "oom score adj %d is below that of the engine (%lld), which lacks SYS_RESOURCE "
                   "to lower it: start berthd with a lower one, or ask for more",
                   h->oom_score_adj, (long long)own);
}

/* ---- kernel settings ---- */

struct trial {
    struct arena *a;
    const struct host_config *h;
    bool has_own_net, has_own_ipc;
    struct err *err;
};

/* Those of an interface that the container will have do not exist yet. */
static bool is_of_interface(const char *path)
{
    static const char *const everywhere[] = {"all/", "default/", "lo/"};
    const char *name = strstr(path, "/conf/");

    name = name ? name : strstr(path, "/neigh/");
    if (!name)
        return false;
    name = strchr(name + 1, '/') + 1;
    for (size_t i = 0; i < ARRAY_LEN(everywhere); i++)
        if (text_starts(name, everywhere[i]))
            return false;
    return true;
}

static struct err *try_sysctl(const struct trial *t, const struct pair *s)
{
    const char *path = sysctl_path(t->a, s->key);
    autoclose int fd = -1;

    if (is_of_interface(path))
        return NULL;
    fd = open(arena_printf(t->a, "/proc/sys/%s", path), O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 && (errno == ENOENT || errno == EACCES))
        return err_new(ERR_INVALID,
                       "sysctl \"%s\" is not in a separate kernel namespace: this kernel has it "
                       "for the whole host or not at all; set it on the host, or leave it out",
                       s->key);
    if (fd >= 0 && write(fd, s->value, strlen(s->value)) < 0 && errno != EROFS)
        return err_new(ERR_INVALID, "sysctl \"%s\" cannot be \"%s\": %s", s->key, s->value,
                       strerrordesc_np(errno));
    return NULL;
}

static void *try_sysctls(void *arg)
{
    struct trial *t = arg;

    if (unshare(CLONE_NEWNET | CLONE_NEWIPC) < 0) /* then the start is the trial */
        return NULL;
    for (size_t i = 0; i < t->h->sysctls.n && !t->err; i++) {
        enum sysctl_space space = sysctl_space(t->h->sysctls.v[i].key);

        if (space == SYSCTL_NET ? t->has_own_net : space == SYSCTL_IPC && t->has_own_ipc)
            t->err = try_sysctl(t, &t->h->sysctls.v[i]);
    }
    return NULL;
}

static bool is_own(const char *mode)
{
    return !text_same(mode, "host") && !(mode && text_starts(mode, "container:"));
}

static struct err *check_sysctls(struct arena *a, const struct host_config *h)
{
    struct trial t = {a, h, is_own(h->network_mode), is_own(h->ipc_mode), NULL};
    pthread_t thread;
    int sys;

    if (!h->sysctls.n || (!t.has_own_net && !t.has_own_ipc))
        return NULL;
    sys = pthread_create(&thread, NULL, try_sysctls, &t);
    if (sys)
        return err_sysno(sys, "start a thread");
    pthread_join(thread, NULL);
    return t.err;
}

struct err *sandbox_check_host(struct arena *a, const struct host_config *h)
{
    ASSERT_WORKER();
    TRY(check_limits(a, h));
    TRY(check_oom_score(h));
    return check_sysctls(a, h);
}
