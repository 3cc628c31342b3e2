/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections that leave HTTP for attach and exec: raw bytes both ways or the frames of a
 * websocket, as a struct sink and an attachment. Loop thread.
 */
#pragma once

#include "core/loop.h"
#include "request.h"
#include "stream/hub.h"
#include "stream/sink.h"

/* In the request's arena. Pass &h->sink and hijack_gone with the hijack as ctx to whoever makes
 * the attachment, and &h->attachment as its output. Nothing reaches the client before
 * hijack_accept; instead of it the request may be answered with an error (reply_err). */
struct hijack {
    struct sink sink;
    struct request *request;
    struct attachment *attachment; /* NULL before, and after its end */
    bool has_tty, is_accepted, is_ended;
    struct buf early;      /* written before hijack_accept */
    struct ws_session *ws; /* NULL: raw bytes */
    struct timer unread;   /* the head is, still */
    int64_t waited_ms;
    int turns;
};
struct hijack *hijack_create(struct request *r, bool has_tty);
/* Before anything is written: both ways in frames of a websocket, with its handshake as the head
 * (accept: of the client's key). Ends of the stream close it. */
void hijack_use_websocket(struct hijack *h, const char *accept);
void hijack_gone(void *hijack);
/* Sends the head: 101 UPGRADED when the client asked for it, else 200. What the sink gets is
 * sent when the client has read the head: docker-py loses what is there with it. */
void hijack_accept(struct hijack *h, bool with_headers);
/* Ends with a sentence inside of the stream. Takes e. */
void hijack_fail(struct hijack *h, struct err *e);
/* Instead of hijack_accept: the request is about to be answered with an error. */
void hijack_withdraw(struct hijack *h);
