/* SPDX-License-Identifier: Apache-2.0 */
/* The engine as a whole: its parts in the order they are made. */
#pragma once

#include "api/server.h"
#include "base/list.h"
#include "container/parts.h"
#include "core/settings.h"

struct engine {
    struct parts parts;
    struct settings settings;
    struct arena *arena; /* of the settings */
    struct server *server;
    struct list reloads; /* struct settings_reload: whose texts the settings have */
    unsigned n_reloads;  /* asked for, one of them under way */
    int argc;            /* for a reload, which reads them again */
    char **argv;
    int lock_fd; /* on the data root: one engine at a time */
    char tag[8]; /* 6 hex digits of the roots: names of links, tables, cgroups */
};

/* The command line, the file, and all that can be told of them without this host. Blocking. */
struct err *engine_read_settings(struct arena *a, int argc, char **argv, struct settings *out)
    must_check;
/* Makes everything, adopts what the keeper has, binds the sockets; nothing is served yet. */
struct err *engine_open(struct engine *e) must_check;
/* --validate: what of the settings only this host can tell. */
struct err *engine_validate(const struct engine *e) must_check;
/* --recover, instead of all that: an engine must not be running. */
struct err *engine_recover(struct engine *e) must_check;
/* Gives everything back in reverse; containers go on running. Only after a whole engine_open,
 * with the server closed, the containers stopped being served and no operation in flight. */
void engine_close(struct engine *e);
