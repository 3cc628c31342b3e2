/* SPDX-License-Identifier: Apache-2.0 */
/* What GET /events says of the volumes of a run: mount before start, unmount after die. Loop. */
#include <string.h>

#include "container/doc.h"
#include "container/event.h"
#include "container/object.h"
#include "core/events.h"

static void tell(const struct container *c, const struct mount_point *m, const char *action)
{
    struct pair attrs[] = {
        {"container", c->doc.id}, {"destination", m->destination},          {"driver", "local"},
        {"propagation", ""},      {"read/write", m->rw ? "true" : "false"},
    };

    events_publish(c->parts->events,
                   &(struct event){
                       .type = "volume",
                       .action = action,
                       .id = m->name,
                       /* unmount says which, and of whom */
                       .attrs = {attrs, strcmp(action, "mount") == 0 ? ARRAY_LEN(attrs) : 1},
                   });
}

void volumes_tell(const struct container *c, const char *action)
{
    const struct mount_point *m = c->doc.mounts.v;

    for (size_t i = 0; i < c->doc.mounts.n; i++)
        if (strcmp(m[i].type, "volume") == 0)
            tell(c, &m[i], action);
}
