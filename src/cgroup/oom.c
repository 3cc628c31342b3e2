/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Notices of the OOM killer, which may end a child of the container or an exec and leave its first
 * process alone: nobody would hear of it. v1: an eventfd registered with cgroup.event_control
 * (Documentation/admin-guide/cgroup-v1/memory.rst, "OOM Control"); v2: memory.events is readable
 * out of band (POLLPRI) when one of its counters has changed, which also a container at its limit
 * does, hundreds of times a second.
 *
 * Trap: on v1 the notice comes before the kill, so whoever reads the counter at once reads the
 * old one.
 */
#include "place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/fd.h"

#include "cgroup/oom.h"

#define EVENTS_TEXT 512

static struct err *open_knob(const struct hierarchy *h, const char *place, const char *file,
                             int flags, int *out)
{
    autoclose int dir = openat(h->base_dir, place, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int fd = dir < 0 ? -1 : openat(dir, file, flags | O_CLOEXEC);

    if (fd < 0)
        return err_sys("open %s of cgroup %.12s", file, place);
    *out = fd;
    return NULL;
}

/* "<eventfd> <memory.oom_control>" */
static struct err *register_eventfd(const struct hierarchy *h, const char *place,
                                    const struct cgroup_oom *o)
{
    autoclose int control = -1;
    char text[32];
    int n = snprintf(text, sizeof(text), "%d %d", o->notice, o->counter);

    TRY(open_knob(h, place, "cgroup.event_control", O_WRONLY, &control));
    return write(control, text, (size_t)n) == n ? NULL
                                                : err_sys("ask for notices of out of memory");
}

static struct err *open_v1(const struct hierarchy *h, const char *place, struct cgroup_oom *o)
{
    TRY(open_knob(h, place, "memory.oom_control", O_RDONLY, &o->counter));
    o->notice = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (o->notice < 0)
        return err_sys("make an eventfd");
    return register_eventfd(h, place, o);
}

struct err *cgroup_oom_open(const struct cgroup_tree *t, const char *place, struct cgroup_oom *out)
{
    const struct hierarchy *h = cgroup_tree_controller(t, CTL_MEMORY);
    struct cgroup_oom o = CGROUP_OOM_CLOSED;
    struct err *e;

    TRY(cgroup_place_check(place));
    if (!h)
        return err_new(ERR_NOT_FOUND, "there is no memory controller");
    e = t->features.is_v2 ? open_knob(h, place, "memory.events", O_RDONLY, &o.counter)
                          : open_v1(h, place, &o);
    if (e) {
        cgroup_oom_close(&o);
        return e;
    }
    *out = o;
    return NULL;
}

void cgroup_oom_close(struct cgroup_oom *o)
{
    if (o->notice >= 0)
        close(steal_fd(&o->notice));
    if (o->counter >= 0)
        close(steal_fd(&o->counter));
}

static void read_counter(const struct cgroup_oom *o, char text[EVENTS_TEXT])
{
    ssize_t n = pread(o->counter, text, EVENTS_TEXT - 1, 0);

    text[n > 0 ? n : 0] = '\0';
}

int64_t cgroup_oom_count(const struct cgroup_oom *o)
{
    char text[EVENTS_TEXT];
    uint64_t ignored;

    while (o->notice >= 0 && read(o->notice, &ignored, sizeof(ignored)) < 0 && errno == EINTR)
        ;
    read_counter(o, text);
    return knob_value_of(text, "oom_kill");
}

bool cgroup_oom_is_waiting(const struct cgroup_oom *o)
{
    char text[EVENTS_TEXT];

    if (o->notice < 0)
        return false;
    read_counter(o, text);
    return knob_value_of(text, "under_oom") > 0;
}
