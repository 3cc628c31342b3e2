/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine's API as calls. Plain calls share one kept connection (Docker's CLI does the same);
 * streams get their own. The version is asked for once, by HEAD /_ping, unless
 * DOCKER_API_VERSION says it.
 */
#include "api.h"

#include "cli.h"

#include <stdio.h>
#include <string.h>

#define API_NEWEST "1.51"

static enum err_kind kind_of_status(int status)
{
    static const struct {
        int status;
        enum err_kind kind;
    } kinds[] = {
        {400, ERR_INVALID},         {401, ERR_UNAUTHORIZED}, {403, ERR_FORBIDDEN},
        {404, ERR_NOT_FOUND},       {409, ERR_CONFLICT},     {413, ERR_TOO_LARGE},
        {501, ERR_NOT_IMPLEMENTED}, {503, ERR_UNAVAILABLE},
    };

    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (kinds[i].status == status)
            return kinds[i].kind;
    return ERR_INTERNAL;
}

#define ID_DIGITS 64
#define ID_SHOWN 12

static char *without(struct arena *a, const char *text, const char *part, const char *instead)
{
    const char *at = strstr(text, part);

    if (!at)
        return arena_strdup(a, text);
    return arena_printf(a, "%.*s%s%s", (int)(at - text), text, instead, at + strlen(part));
}

/* What Docker's clients look for in the engine's sentences is no word of ours. */
static const char *plain(struct arena *a, const char *text)
{
    static const char prefix[] = " failed: unable to start container process: ";
    static const char suffix[] = ": unknown";

    if (text_starts(text, "OCI runtime ") && strstr(text, prefix)) {
        text = arena_strdup(a, strstr(text, prefix) + strlen(prefix));
        if (text_ends(text, suffix))
            text = arena_strndup(a, text, strlen(text) - strlen(suffix));
    }
    return without(a, text, "'docker login'", "'berth login'");
}

/* The container as it was named: "/v1.51/containers/web/kill" → "web"; NULL: by its id, or none. */
static const char *named_in(struct arena *a, const char *path)
{
    const char *at = path ? strstr(path, "/containers/") : NULL, *name;
    size_t len;

    if (!at)
        return NULL;
    name = at + strlen("/containers/");
    len = strcspn(name, "/?");
    if (!len || memchr(name, '%', len) || text_is_hex(name, len) ||
        (len == 6 && !memcmp(name, "create", len)))
        return NULL;
    return arena_strndup(a, name, len);
}

/* Nobody reads 64 hex digits: what was typed, or as many as lists show. */
static char *with_names(struct arena *a, const char *text, const char *name)
{
    autobuf struct buf b = {0};

    for (size_t n; *text; text += n ? n : 1) {
        n = strspn(text, "0123456789abcdef");
        if (n == ID_DIGITS && name)
            buf_puts(&b, name);
        else
            buf_add(&b, text, n == ID_DIGITS ? ID_SHOWN : n ? n : 1);
    }
    return arena_strdup(a, b.data ? b.data : "");
}

/* The body is {"message":…}, or plain text where the engine answered before an upgrade. */
static struct err *daemon_error(struct arena *a, const char *path, const struct http_head *h,
                                const char *text, size_t len)
{
    const struct json *doc = NULL;
    const char *message = NULL;

    if (len && text[0] == '{') {
        err_drop(json_parse(a, text, len, &doc));
        message = json_str(json_get(doc, "message"));
    }
    if (text_is_empty(message))
        message = len ? text_trim(arena_strndup(a, text, len)) : "";
    if (text_is_empty(message))
        message = h->reason;
    return err_new(kind_of_status(h->status), "Error response from daemon: %s",
                   with_names(a, plain(a, message), named_in(a, path)));
}

/* "1.9" < "1.10": numbers, not text. */
static bool version_is_below(const char *v, const char *other)
{
    int major = 0, minor = 0, other_major = 0, other_minor = 0;

    if (sscanf(v, "%d.%d", &major, &minor) != 2 ||
        sscanf(other, "%d.%d", &other_major, &other_minor) != 2)
        return false;
    return major < other_major || (major == other_major && minor < other_minor);
}

/* The kept connection may have been closed by the engine, which ends idle ones: that is looked for
 * first, since a POST must not be sent twice. */
static struct err *exchange(struct cli *cli, const struct http_request *r, struct http_head *h,
                            struct buf *body)
{
    struct err *e;

    ASSERT(r->method && r->path);
    if (cli->conn && (cli->conn->is_spent || http_conn_is_closed(cli->conn))) {
        http_conn_close(cli->conn);
        cli->conn = NULL;
    }
    if (!cli->conn)
        TRY(http_conn_open(cli->socket_path, &cli->conn));
    e = http_conn_send(cli->conn, r);
    if (!e)
        e = http_conn_read_head(cli->conn, cli->arena, r->method, h);
    if (!e)
        e = http_conn_read_all(cli->conn, body);
    if (e)
        cli->conn->is_spent = true;
    return e;
}

/* As Docker does: the engine says its newest version in the head of /_ping; GET is for proxies that
 * refuse HEAD. */
static struct err *negotiate(struct cli *cli)
{
    const struct http_request head = {.method = "HEAD", .path = "/_ping"};
    const struct http_request get = {.method = "GET", .path = "/_ping"};
    autobuf struct buf body = {0};
    struct http_head h;
    const char *wanted = getenv("DOCKER_API_VERSION");

    if (!text_is_empty(wanted)) {
        cli->api_version = wanted;
        return NULL;
    }
    TRY(exchange(cli, &head, &h, &body));
    if (h.status != 200)
        TRY(exchange(cli, &get, &h, &body));
    if (h.status != 200)
        return daemon_error(cli->arena, NULL, &h, body.data, body.len);
    cli->api_version = API_NEWEST;
    if (h.api_version && version_is_below(h.api_version, API_NEWEST))
        cli->api_version = h.api_version;
    return NULL;
}

static struct err *path_of(struct cli *cli, const char *rest, char **out)
{
    ASSERT(rest[0] == '/');
    if (!cli->api_version)
        TRY(negotiate(cli));
    *out = arena_printf(cli->arena, "/v%s%s", cli->api_version, rest);
    return NULL;
}

#define FORMAT_REST(cli, rest, fmt)                                                                \
    do {                                                                                           \
        va_list ap_;                                                                               \
        va_start(ap_, fmt);                                                                        \
        (rest) = arena_vprintf((cli)->arena, fmt, ap_);                                            \
        va_end(ap_);                                                                               \
    } while (0)

struct err *api_path(struct cli *cli, char **out, const char *fmt, ...)
{
    char *rest;

    FORMAT_REST(cli, rest, fmt);
    return path_of(cli, rest, out);
}

char *api_escape(struct cli *cli, const char *s)
{
    autobuf struct buf b = {0};

    for (; *s; s++) {
        if ((*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') || (*s >= '0' && *s <= '9') ||
            strchr("-_.~/:@", *s))
            buf_putc(&b, *s);
        else
            buf_printf(&b, "%%%02X", (unsigned char)*s);
    }
    return arena_strndup(cli->arena, b.data ? b.data : "", b.len);
}

static struct err *api_call(struct cli *cli, const struct http_request *r, struct api_reply *out)
{
    autobuf struct buf body = {0};
    struct http_head h;

    TRY(exchange(cli, r, &h, &body));
    if (h.status >= 400)
        return daemon_error(cli->arena, r->path, &h, body.data, body.len);
    if (!out)
        return NULL;
    *out = (struct api_reply){.status = h.status, .type = arena_strdup(cli->arena, h.type)};
    out->text = arena_strndup(cli->arena, body.data ? body.data : "", body.len);
    out->len = strlen(out->text); /* JSON has no NUL bytes */
    if (body.len && h.type && text_starts(h.type, "application/json"))
        TRY(json_parse(cli->arena, out->text, out->len, &out->json));
    return NULL;
}

static struct err *call_rest(struct cli *cli, const char *method, const char *rest,
                             const char *body, struct api_reply *out)
{
    struct http_request r = {.method = method, .body = body, .quiet_risks = cli->quiet_risks};
    char *path;

    TRY(path_of(cli, rest, &path));
    r.path = path;
    return api_call(cli, &r, out);
}

struct err *api_get(struct cli *cli, struct api_reply *out, const char *fmt, ...)
{
    char *rest;

    FORMAT_REST(cli, rest, fmt);
    return call_rest(cli, "GET", rest, NULL, out);
}

struct err *api_get_as(struct cli *cli, const char *auth, struct api_reply *out, const char *fmt,
                       ...)
{
    struct http_request r = {.method = "GET", .auth = auth};
    char *rest, *path;

    FORMAT_REST(cli, rest, fmt);
    TRY(path_of(cli, rest, &path));
    r.path = path;
    return api_call(cli, &r, out);
}

struct err *api_post(struct cli *cli, const char *body, struct api_reply *out, const char *fmt, ...)
{
    char *rest;

    FORMAT_REST(cli, rest, fmt);
    return call_rest(cli, "POST", rest, body, out);
}

struct err *api_delete(struct cli *cli, struct api_reply *out, const char *fmt, ...)
{
    char *rest;

    FORMAT_REST(cli, rest, fmt);
    return call_rest(cli, "DELETE", rest, NULL, out);
}

struct err *api_head(struct cli *cli, struct http_head *out, const char *fmt, ...)
{
    struct http_request r = {.method = "HEAD"};
    autobuf struct buf body = {0};
    char *rest, *path;

    FORMAT_REST(cli, rest, fmt);
    TRY(path_of(cli, rest, &path));
    r.path = path;
    TRY(exchange(cli, &r, out, &body));
    return out->status >= 400 ? daemon_error(cli->arena, path, out, body.data, body.len) : NULL;
}

static struct err *open_stream(struct cli *cli, struct http_conn *c, const struct http_request *r)
{
    autobuf struct buf body = {0};
    struct http_head h;

    TRY(http_conn_send(c, r));
    TRY(http_conn_read_head(c, cli->arena, r->method, &h));
    if (h.status >= 400) {
        TRY(http_conn_read_all(c, &body));
        return daemon_error(cli->arena, r->path, &h, body.data, body.len);
    }
    if (r->upgrades && h.status != 101)
        return err_new(ERR_UNAVAILABLE, "unable to upgrade to tcp, received %d", h.status);
    return NULL;
}

struct err *api_open(struct cli *cli, const struct http_request *r, struct http_conn **out)
{
    struct http_conn *c = NULL;
    struct err *e;

    TRY(http_conn_open(cli->socket_path, &c));
    e = open_stream(cli, c, r);
    if (e)
        http_conn_close(c);
    else
        *out = c;
    return e;
}
