/* SPDX-License-Identifier: Apache-2.0 */
/* What a container mounts, and the volumes it uses. Loop thread but for the check of sources. */
#pragma once

#include "base/json.h"

struct config;
struct container;
struct container_table;
struct host_config;
struct mount_point;
struct parts;
struct risk_sources;

/* What all mount points have in common. Pure. */
void mount_point_init(struct mount_point *m, const char *type, char *destination);
/* Of the request alone, before the image's are among them. */
struct err *mounts_check_volumes(const struct config *asked) must_check;
/* own: mounts of the engine's own, besides what is asked for; NULL: none. */
struct err *mounts_plan(struct container_table *t, struct arena *a, const struct config *config,
                        const struct host_config *host, const struct jlist *own, struct jlist *out)
    must_check;
/* Worker: that what is bound exists, and what is to be said about it. */
struct err *mounts_check_sources(struct arena *a, const struct jlist *mounts, struct strs *warnings)
    must_check;
/* Worker: that binds with z or Z are nothing that the host needs as it is. */
struct err *mounts_check_relabel(const struct jlist *mounts) must_check;
/* What they show of the host, for risks_of_sources: copies; volumes by their options. */
void mounts_risk_sources(struct parts *p, struct arena *a, const struct jlist *mounts,
                         struct risk_sources *out);
/* Of the image that the mount i shows: all its names, as asked for, and its id; else none. */
struct strs mounts_image_names(struct parts *p, struct arena *a, const struct jlist *mounts,
                               size_t i);
void mounts_ref(struct container *c);
/* Its own image and those that it mounts. */
void images_ref(struct container *c, bool is_running);
struct strs mounts_image_chain(const struct container *c, size_t i, struct arena *a);
void mounts_unref(struct container *c);
/* Its anonymous volumes that nobody else uses: see volume_doom. */
void mounts_doom_anonymous(struct container *c, bool is_doomed);
bool mounts_are_doomed(const struct container *c);
