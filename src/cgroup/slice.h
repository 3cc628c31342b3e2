/* SPDX-License-Identifier: Apache-2.0 */
/* Slices of systemd (cgroup v2), asked for by its D-Bus. */
#pragma once

#include "cgroup_tree.h"

bool slice_is(const char *parent); /* "….slice"; pure, NULL is none */
/* Whether a container may be there: the name is one, and systemd is here to be asked. */
struct err *slice_check(const struct cgroup_tree *t, const char *parent) must_check;
/* "a-b.slice": "a.slice/a-b.slice/berth-a-b.service". The service is ours in there, delegated. */
char *slice_place(const struct cgroup_tree *t, struct arena *a, const char *parent);
/* NULL, or the slice that a container's place is in. */
char *slice_of_place(const struct cgroup_tree *t, struct arena *a, const char *place);
/* Has the slice and our service in it started, if it is not there. Worker. */
struct err *slice_make(struct cgroup_tree *t, struct arena *a, const char *slice) must_check;
/* Ends the service when no container is in it any more. Worker. */
void slice_leave(struct cgroup_tree *t, struct arena *a, const char *slice);

/* ---- slice_bus.c: the calls themselves; each waits until it is done ---- */
bool slice_bus_is_built(void);
struct err *slice_bus_start(const char *service, const char *slice) must_check;
struct err *slice_bus_stop(const char *service) must_check;
