/* SPDX-License-Identifier: Apache-2.0 */
/* What `ps` shows: one list item, with Docker's status texts. Loop thread, no I/O. */
#include <string.h>

#include "base/clock.h"
#include "container/object.h"
#include "exec/health.h"
#include "image/image.h"
#include "place/legacy_links.h"
#include "place/published.h"
#include "view/view.h"

#include "view_parts.h"

/* The wall clock may have been set back: never negative. */
static int64_t seconds_since(int64_t wall_ns)
{
    int64_t s = (clock_wall_ns() - wall_ns) / NS_PER_S;

    return s < 0 ? 0 : s;
}

/* "Up 5 minutes (healthy)": docker ps prints the text as it is. */
static char *up_text(struct arena *a, const struct container *c)
{
    const char *ago = text_ago(a, seconds_since(c->doc.state.started_ns)), *health = health_name(c);

    if (strcmp(health, "none") == 0)
        return arena_printf(a, "Up %s", ago);
    return arena_printf(a, strcmp(health, "starting") == 0 ? "Up %s (health: %s)" : "Up %s (%s)",
                        ago, health);
}

/* "Up 5 minutes (Paused)", "Exited (0) 3 seconds ago", … */
static char *view_status_text(struct arena *a, const struct container *c)
{
    const struct container_state *s = &c->doc.state;
    const char *since_end = text_ago(a, seconds_since(s->finished_ns));

    switch (s->status) {
    case STATUS_RUNNING:
        return up_text(a, c);
    case STATUS_PAUSED:
        return arena_printf(a, "Up %s (Paused)", text_ago(a, seconds_since(s->started_ns)));
    case STATUS_RESTARTING:
        return arena_printf(a, "Restarting (%d) %s ago", s->exit_code, since_end);
    case STATUS_REMOVING:
        return arena_strdup(a, "Removal In Progress");
    case STATUS_DEAD:
        return arena_strdup(a, "Dead");
    case STATUS_EXITED:
        return arena_printf(a, "Exited (%d) %s ago", s->exit_code, since_end);
    default:
        return arena_strdup(a, "Created");
    }
}

/* The command as a shell would take it: words with spaces in single quotes. */
static char *command_text(struct arena *a, const struct config *c)
{
    autobuf struct buf b = {0};
    const struct strs *lists[] = {&c->entrypoint, &c->cmd};

    for (size_t k = 0; k < ARRAY_LEN(lists); k++) {
        for (size_t i = 0; i < lists[k]->n; i++) {
            const char *word = lists[k]->v[i];

            if (b.len > 0)
                buf_putc(&b, ' ');
            if (strchr(word, ' '))
                buf_printf(&b, "'%s'", word);
            else
                buf_puts(&b, word);
        }
    }
    return arena_strdup(a, b.data ? b.data : "");
}

/* "80/tcp" → 80; a range has no single number: 0. */
static int port_of(const char *spec)
{
    char number[8];
    size_t n = strcspn(spec, "/");
    uint32_t port;

    if (n == 0 || n >= sizeof(number))
        return 0;
    memcpy(number, spec, n);
    number[n] = '\0';
    return text_to_u32(number, &port) && port <= 65535 ? (int)port : 0;
}

/* Docker shows the image's id when its name has moved on to another image. */
static bool image_still_named(struct container *c)
{
    struct image *now = NULL;
    struct err *err = image_find(c->parts->images, c->doc.image_name, &now);

    err_drop(err);
    return now && strcmp(image_id(now), c->doc.image_id) == 0;
}

static void write_ports(const struct container *c, struct arena *a, struct jw *w)
{
    const struct port_record *p = c->doc.published.v;
    const struct strs *exposed = &c->doc.config.exposed_ports;
    const struct published_index x = published_index(a, &c->doc.published);

    jw_arr(w, "Ports");
    for (size_t i = 0; i < c->doc.published.n; i++) {
        for (int k = 0; k < published_span(&p[i]); k++) {
            jw_obj(w, NULL);
            jw_str(w, "IP", p[i].host_ip);
            jw_int(w, "PrivatePort", p[i].port + k);
            if (p[i].host_port) /* a routed one has none */
                jw_int(w, "PublicPort", p[i].host_port + k);
            jw_str(w, "Type", published_proto(p[i].proto));
            jw_obj_end(w);
        }
    }
    for (size_t i = 0; state_is_running(c) && i < exposed->n; i++) {
        int port = port_of(exposed->v[i]);
        const char *slash = strchr(exposed->v[i], '/');

        if (port == 0 || published_by_spec(&x, exposed->v[i]))
            continue;
        jw_obj(w, NULL);
        jw_int(w, "PrivatePort", port);
        jw_str(w, "Type", slash ? slash + 1 : "tcp");
        jw_obj_end(w);
    }
    jw_arr_end(w);
}

void container_write_summary(struct container *c, struct jw *w, int api_version, int64_t size_rw,
                             int64_t size_root)
{
    autoarena struct arena *a = arena_create();
    struct strs links = {0};

    ASSERT_LOOP();
    jw_obj(w, NULL);
    jw_str(w, "Id", c->doc.id);
    jw_arr(w, "Names");
    jw_str(w, NULL, arena_printf(a, "/%s", c->name));
    legacy_links_names(c, a, &links);
    for (size_t i = 0; i < links.n; i++)
        jw_str(w, NULL, links.v[i]);
    jw_arr_end(w);
    /* a name that now belongs to another image is shown as the id it was */
    jw_str(w, "Image", image_still_named(c) ? c->doc.image_name : c->doc.image_id);
    jw_str(w, "ImageID", c->doc.image_id);
    jw_str(w, "Command", command_text(a, &c->doc.config));
    jw_int(w, "Created", c->doc.created_ns / NS_PER_S);
    write_ports(c, a, w);
    if (size_rw >= 0)
        jw_int(w, "SizeRw", size_rw);
    if (size_root >= 0)
        jw_int(w, "SizeRootFs", size_root);
    jw_pairs(w, "Labels", &c->doc.config.labels);
    jw_str(w, "State", status_name(c));
    jw_str(w, "Status", view_status_text(a, c));
    if (api_version >= 152)
        health_write_summary(c, w);
    jw_obj(w, "HostConfig");
    jw_str(w, "NetworkMode", c->doc.host.network_mode);
    if (api_version >= 146 && c->doc.host.annotations.n)
        jw_pairs(w, "Annotations", &c->doc.host.annotations);
    jw_obj_end(w);
    jw_obj(w, "NetworkSettings");
    view_write_networks(c, w, api_version);
    jw_obj_end(w);
    view_write_mounts(c, w);
    jw_obj_end(w);
}
