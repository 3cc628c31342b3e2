/* SPDX-License-Identifier: Apache-2.0 */
/* Requests to the engine: version negotiation, JSON replies, daemon errors as sentences. */
#pragma once

#include "base/json.h"

#include "http.h"

struct cli;

struct api_reply {
    int status;
    char *text;
    size_t len;
    const char *type;        /* NULL: not said */
    const struct json *json; /* NULL when the body is empty */
};

/* "/v1.51" and the formatted rest. Parts that are foreign go through api_escape first. */
struct err *api_path(struct cli *cli, char **out, const char *fmt, ...)
    must_check like_printf(3, 4);
/* Escapes for a path: keeps '/', ':' and '@', as image names need it. */
char *api_escape(struct cli *cli, const char *s);

/* One request on the kept connection, answered whole; path without version. Status >= 400 is an
 * error "Error response from daemon: …"; its kind tells the status. 304 is success. out may be
 * NULL. */
struct err *api_get(struct cli *cli, struct api_reply *out, const char *fmt, ...)
    must_check like_printf(3, 4);
/* The same with an X-Registry-Auth; NULL: none. */
struct err *api_get_as(struct cli *cli, const char *auth, struct api_reply *out, const char *fmt,
                       ...) must_check like_printf(4, 5);
struct err *api_post(struct cli *cli, const char *body, struct api_reply *out, const char *fmt, ...)
    must_check like_printf(4, 5);
struct err *api_delete(struct cli *cli, struct api_reply *out, const char *fmt, ...)
    must_check like_printf(3, 4);

/* HEAD: the head alone. ERR_NOT_FOUND and the like without a sentence of the engine's. */
struct err *api_head(struct cli *cli, struct http_head *out, const char *fmt, ...)
    must_check like_printf(3, 4);

/* A connection of its own, left after the reply's head: streams and hijacks. The caller closes. */
struct err *api_open(struct cli *cli, const struct http_request *r, struct http_conn **out)
    must_check;
/* X-Registry-Auth for the registry of an image, from config.json; NULL when there is none. */
char *api_registry_auth(struct cli *cli, const char *image);
