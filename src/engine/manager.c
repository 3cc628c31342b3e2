/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See manager.h. The protocol is datagrams of NAME=VALUE lines, so it is written here and needs no
 * library. Nothing blocks: what the manager does not take at once is sent with the next tick.
 *
 * What a newcomer would get wrong: the watchdog is fed by a timer of the loop and by nothing else.
 * A thread of its own would say that we are alive while the loop stands.
 */
#include "manager.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "container/container.h"
#include "container/parts.h"

#define STATUS_TICK_MS 10000
#define TICK_MS_MIN 10
#define RELOAD_TICK_MS 20

/* "/path", or "@name" for an abstract one. */
static bool read_address(struct manager *m, const char *text)
{
    size_t len = strlen(text);

    if ((*text != '/' && *text != '@') || len < 2 || len >= sizeof(m->address.sun_path))
        return false;
    m->address.sun_family = AF_UNIX;
    memcpy(m->address.sun_path, text, len);
    if (*text == '@')
        m->address.sun_path[0] = '\0';
    m->address_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + (*text == '/'));
    return true;
}

/* A third of it, so that a tick that comes late on a busy machine does no harm. */
static void read_watchdog(struct manager *m)
{
    const char *pid = getenv("WATCHDOG_PID"), *usec = getenv("WATCHDOG_USEC");
    uint32_t for_pid;
    int64_t us;

    m->tick_ms = STATUS_TICK_MS;
    if (!usec || !text_to_i64(usec, &us) || us <= 0)
        return;
    if (pid && (!text_to_u32(pid, &for_pid) || for_pid != (uint32_t)getpid()))
        return;
    m->has_watchdog = true;
    if (us / 3000 < m->tick_ms)
        m->tick_ms = us / 3000 < TICK_MS_MIN ? TICK_MS_MIN : us / 3000;
}

void manager_open(struct manager *m)
{
    const char *socket_name = getenv("NOTIFY_SOCKET");

    m->fd = -1;
    if (socket_name && *socket_name) {
        read_watchdog(m);
        if (read_address(m, socket_name))
            m->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (m->fd < 0)
            log_warn("the service manager cannot be told", KV("socket", socket_name));
    }
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
}

static bool send_text(const struct manager *m, const struct buf *text)
{
    if (sendto(m->fd, text->data, text->len, MSG_NOSIGNAL, (const struct sockaddr *)&m->address,
               m->address_len) >= 0)
        return true;
    log_debug("the service manager does not listen", KV("error", strerror(errno)));
    return false;
}

/* Only the newest state is owed: an older one is no longer true. */
static void tell_state(struct manager *m, const struct buf *text)
{
    buf_finish(&m->owed);
    if (!send_text(m, text))
        buf_add(&m->owed, text->data, text->len);
}

static void add_status(struct manager *m, struct buf *b)
{
    struct container_counts n = container_counts(m->parts->containers);

    buf_printf(b, "STATUS=containers: %d running, %d paused, %d stopped\n", n.running, n.paused,
               n.stopped);
}

static void on_tick(struct timer *t)
{
    struct manager *m = container_of(t, struct manager, tick);
    autobuf struct buf b = {0};

    if (m->owed.len && send_text(m, &m->owed))
        buf_finish(&m->owed);
    if (m->has_watchdog)
        buf_puts(&b, "WATCHDOG=1\n");
    add_status(m, &b);
    send_text(m, &b);
    timer_set(m->parts->loop, t, m->tick_ms, on_tick);
}

void manager_ready(struct manager *m, struct parts *p)
{
    autobuf struct buf b = {0};

    ASSERT_LOOP();
    m->parts = p;
    if (m->fd < 0)
        return;
    buf_puts(&b, "READY=1\n");
    add_status(m, &b);
    tell_state(m, &b);
    timer_set(p->loop, &m->tick, m->tick_ms, on_tick);
}

static void on_reload_tick(struct timer *t)
{
    struct manager *m = container_of(t, struct manager, reload_tick);

    if (m->parts->policy_reloads > 0) {
        timer_set(m->parts->loop, t, RELOAD_TICK_MS, on_reload_tick);
        return;
    }
    m->is_reloading = false;
    manager_ready(m, m->parts);
}

void manager_reloading(struct manager *m)
{
    autobuf struct buf b = {0};
    struct timespec now;

    ASSERT_LOOP();
    if (m->fd < 0 || m->is_stopping)
        return;
    if (!m->is_reloading) {
        clock_gettime(CLOCK_MONOTONIC, &now);
        buf_printf(&b, "RELOADING=1\nMONOTONIC_USEC=%lld\n",
                   (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
        tell_state(m, &b);
    }
    m->is_reloading = true;
    timer_set(m->parts->loop, &m->reload_tick, 0, on_reload_tick);
}

void manager_stopping(struct manager *m)
{
    autobuf struct buf b = {0};

    ASSERT_LOOP();
    if (m->fd < 0)
        return;
    m->is_stopping = true;
    timer_clear(m->parts->loop, &m->reload_tick);
    buf_puts(&b, "STOPPING=1\nSTATUS=the engine ends; containers go on running\n");
    tell_state(m, &b);
}

void manager_close(struct manager *m)
{
    if (m->fd < 0)
        return;
    timer_clear(m->parts->loop, &m->tick);
    timer_clear(m->parts->loop, &m->reload_tick);
    buf_finish(&m->owed);
    close(m->fd);
    m->fd = -1;
}
