/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The driver `journald`: the journal's native protocol (systemd.io/JOURNAL_NATIVE_PROTOCOL),
 * one datagram a line, with the field names of Docker's driver. Where there is no journal
 * the container is not started. Reading back is the business of journalctl.
 */
#include <ctype.h>
#include <endian.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

#include "log_forward.h"
#include "log_inner.h"
#include "logattrs.h"

/* A value with a newline comes with its length, every other after an equals sign. */
void journald_add_field(struct buf *out, const char *name, const char *value, size_t n)
{
    uint64_t length = htole64(n);

    buf_puts(out, name);
    if (memchr(value, '\n', n)) {
        buf_putc(out, '\n');
        buf_add(out, &length, sizeof(length));
    } else {
        buf_putc(out, '=');
    }
    buf_add(out, value, n);
    buf_putc(out, '\n');
}

/* NULL gives an empty field. */
static void add_text(struct buf *out, const char *name, const char *value)
{
    journald_add_field(out, name, value ? value : "", value ? strlen(value) : 0);
}

void journald_write(const struct log_forward_style *s, const struct log_forward_line *l,
                    struct buf *out)
{
    char time[RFC3339_MAX];

    buf_puts(out, s->fixed);
    add_text(out, "PRIORITY", l->stream == STREAM_STDERR ? "3" : "6");
    clock_rfc3339_fixed(l->wall_ns, time);
    add_text(out, "SYSLOG_TIMESTAMP", time);
    if (l->is_partial)
        add_text(out, "CONTAINER_PARTIAL_MESSAGE", "true");
    journald_add_field(out, "MESSAGE", l->text, l->n);
}

/* Letters, digits and underscores, in capitals, not beginning with an underscore or a digit. */
static void add_attr(struct buf *out, const char *key, const char *value)
{
    autobuf struct buf name = {0};

    while (*key && !isalpha((unsigned char)*key))
        key++;
    for (; *key && name.len < 64; key++)
        buf_putc(&name, isalnum((unsigned char)*key) ? (char)toupper((unsigned char)*key) : '_');
    if (name.len && !memchr(value, '\n', strlen(value)))
        add_text(out, name.data, value);
}

static char *fixed_fields(const struct log_spec *s, const char *tag, const struct pairs *attrs)
{
    struct buf out = {0};

    journald_add_field(&out, "CONTAINER_ID", s->container_id, strnlen(s->container_id, 12));
    add_text(&out, "CONTAINER_ID_FULL", s->container_id);
    add_text(&out, "CONTAINER_NAME", s->container_name);
    add_text(&out, "CONTAINER_TAG", tag);
    add_text(&out, "IMAGE_NAME", s->image_name);
    add_text(&out, "SYSLOG_IDENTIFIER", tag);
    for (size_t i = 0; i < attrs->n; i++)
        add_attr(&out, attrs->v[i].key, attrs->v[i].value);
    return buf_steal(&out);
}

struct err *journald_check_here(void)
{
    if (access(JOURNAL_SOCKET, F_OK) == 0)
        return NULL;
    return err_new(ERR_INVALID,
                   "failed to initialize logging driver: journald is not enabled on this host "
                   "(there is no %s): use another log driver",
                   JOURNAL_SOCKET);
}

struct err *journald_open(struct log *g, const struct log_spec *s)
{
    autoarena struct arena *a = arena_create();
    struct log_forward_style style = {.write = journald_write};
    struct outlet_target target = {.kind = TARGET_UNIX};
    struct pairs attrs = {0};
    char *tag;

    TRY(log_tag(a, s, "{{.ID}}", &tag));
    if (!s->is_running)
        TRY(journald_check_here());
    log_attrs(a, s, &attrs);
    style.tag = mem_strdup(tag);
    style.fixed = fixed_fields(s, tag, &attrs);
    target.host = mem_strdup(JOURNAL_SOCKET);
    g->forward = log_forward_create(g, &target, &style);
    return NULL;
}
