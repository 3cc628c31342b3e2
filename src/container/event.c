/* SPDX-License-Identifier: Apache-2.0 */
/* What GET /events says about a container: image, name and labels with every action. Loop thread.
 */
#include "container/event.h"

#include "container/object.h"
#include "core/events.h"

void container_event(struct container *c, const char *action, const char *key, const char *value)
{
    struct pair one = {(char *)key, (char *)value};

    container_event_with(c, action, &(struct pairs){&one, key ? 1 : 0});
}

void container_event_with(struct container *c, const char *action, const struct pairs *more)
{
    autoarena struct arena *a = arena_create();
    struct event e = {.type = "container", .action = action, .id = c->doc.id};

    e.attrs = event_labels(a, &c->doc.config.labels);
    pairs_set(a, &e.attrs, "image", c->doc.image_name ? c->doc.image_name : "");
    pairs_set(a, &e.attrs, "name", c->name);
    for (size_t i = 0; i < more->n; i++)
        pairs_set(a, &e.attrs, more->v[i].key, more->v[i].value);
    events_publish(c->parts->events, &e);
}
