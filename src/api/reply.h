/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers. Each request gets exactly one of: reply_err, reply_empty, reply_json, reply_body, or
 * reply_begin … reply_end. All of them are swallowed when the client has gone. The caller must
 * not touch the request after the answer is complete unless it holds a reference of its own.
 * Loop thread.
 */
#pragma once

#include "base/json.h"
#include "request.h"
#include "stream/sink.h"

#define TYPE_JSON "application/json"
#define TYPE_TEXT "text/plain; charset=utf-8"
#define TYPE_RAW_STREAM "application/vnd.docker.raw-stream"
#define TYPE_MUX_STREAM "application/vnd.docker.multiplexed-stream"

void reply_err(struct request *r, struct err *e); /* takes e; ERR_NOT_MODIFIED has no body */
/* What reply_err does, for who answers in another form. */
void reply_tell_log(struct request *r, const struct err *e);
void reply_empty(struct request *r, int status); /* no body at all: 200, 201, 204 */
/* json: the text; takes the memory and adds the trailing newline. */
void reply_json(struct request *r, int status, struct buf *json);
void reply_json_text(struct request *r, int status, const char *json);
/* more: further header lines, each ended by CRLF, or "". */
void reply_body(struct request *r, int status, const char *type, const char *more,
                struct buf *body);
/* True: there was an error, and it has been the answer. */
bool reply_failed(struct request *r, struct err *e);
/* err or 204: fits container_done_fn and its like; ctx is the request. */
void reply_done(void *request, struct err *err);

/* A body of unknown length; the head is sent at once. */
void reply_begin(struct request *r, int status, const char *type);
/* more: further header lines, each ended by CRLF. */
void reply_begin_with(struct request *r, int status, const char *type, const char *more);
void reply_write(struct request *r, const void *p, size_t n);
void reply_end(struct request *r);
/* One line of a stream of JSON, which begins with the first. */
void reply_json_line(struct request *r, const char *json);
/* The line that clients take for the command's failure; code: of a program that failed, or 0. */
void reply_json_failure(struct request *r, const struct err *err, int code);
size_t reply_queued(const struct request *r);
void reply_on_room(struct request *r, void (*fn)(void *ctx), void *ctx); /* as struct sink's */

/* For hijack.c: the head of an answer without length. */
void reply_head(struct request *r, struct buf *out, int status, const char *type, const char *more);
/* For whoever ended the answer by other means. */
void reply_is_complete(struct request *r);

/* A chunked answer as a sink: begins with the first byte, unless reply_begin was called before,
 * so that an error can still be answered instead. end completes the answer. */
struct reply_sink {
    struct sink sink;
    struct request *request;
    const char *type;
    bool is_ended;
};
void reply_sink_init(struct reply_sink *s, struct request *r, const char *type);
/* Instead of the sink's end, with what the writer has ended by; takes err. */
void reply_sink_finish(struct reply_sink *s, struct err *err);
