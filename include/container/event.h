/* SPDX-License-Identifier: Apache-2.0 */
/* What GET /events hears of a container and of its volumes. Loop thread. */
#pragma once

struct container;
struct pairs;

/* key NULL: nothing but the container's own attributes. */
void container_event(struct container *c, const char *action, const char *key, const char *value);
void container_event_with(struct container *c, const char *action, const struct pairs *more);
void volumes_tell(const struct container *c, const char *action); /* "mount", "unmount" */
