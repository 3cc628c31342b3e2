/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The service manager that has started us, told by sd_notify(3)'s protocol: when we are ready, when
 * a reload begins and ends, that we end, and, as long as the loop turns, that we are alive.
 * Without a NOTIFY_SOCKET all of this does nothing. Loop thread.
 */
#pragma once

#include "base/text.h"
#include "core/loop.h"

#include <sys/socket.h>
#include <sys/un.h>

struct parts;

struct manager { /* embedded by the process */
    struct sockaddr_un address;
    socklen_t address_len;
    int fd; /* -1: nobody listens */
    int64_t tick_ms;
    bool has_watchdog;
    bool is_reloading, is_stopping;
    struct parts *parts;
    struct timer tick, reload_tick;
    struct buf owed; /* what did not go through yet: the newest state */
};

/* Reads the environment and removes it, so that what we start does not speak for us: before there
 * are threads. What is no socket is said in the log. */
void manager_open(struct manager *m);
void manager_ready(struct manager *m, struct parts *p); /* and from now on: alive */
/* The end of the reload is told when the policy has been read. */
void manager_reloading(struct manager *m);
void manager_stopping(struct manager *m);
void manager_close(struct manager *m);
