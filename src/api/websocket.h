/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server's side of RFC 6455: handshake and frames, bytes to bytes. A frame may be as long as
 * it likes: its payload is passed on as it comes, nothing but control frames (≤ 125 bytes) is
 * kept. Text is not checked for UTF-8: what is typed may be cut anywhere. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WS_PAYLOAD_MAX (32u << 10) /* of a frame that we send */
#define WS_HEADER_MAX 10           /* of the same */
#define WS_CONTROL_MAX 125
#define WS_ACCEPT_SIZE 29

enum ws_opcode {
    WS_CONTINUATION = 0,
    WS_TEXT = 1,
    WS_BINARY = 2,
    WS_CLOSE = 8,
    WS_PING = 9,
    WS_PONG = 10,
};
enum ws_code { WS_NORMAL = 1000, WS_PROTOCOL_ERROR = 1002, WS_NO_CODE = 1005 };

bool ws_key_is_valid(const char *key); /* base64 of 16 bytes */
void ws_accept_of(const char *key, char out[WS_ACCEPT_SIZE]);
/* Whether a comma-separated header names a token, in any case. NULL names none. */
bool ws_header_has(const char *value, const char *token);

/* The header of a whole, unmasked frame; its length. */
size_t ws_frame_header(unsigned char out[WS_HEADER_MAX], enum ws_opcode opcode, size_t n);

struct ws_reader { /* zeroed: at the beginning of a frame */
    unsigned char head[14];
    size_t n_head;
    bool is_in_payload, is_in_message, is_over;
    unsigned opcode;
    uint64_t left; /* of the payload */
    size_t at;     /* in the mask */
    unsigned char control[WS_CONTROL_MAX];
    size_t n_control;
};
enum ws_event {
    WS_MORE = 1, /* everything is consumed */
    WS_DATA,     /* n bytes of a message at out */
    WS_PINGED,   /* answer with a pong of the same n bytes at control */
    WS_CLOSED,   /* the client's last word: code, WS_NO_CODE */
    WS_BROKEN,   /* a protocol error: nothing after it can be read */
};
struct ws_piece {
    enum ws_event event;
    size_t n;
    unsigned code;
};
/* Reads up to one piece from n bytes; out has room for n. Returns how many are consumed. */
size_t ws_read(struct ws_reader *r, const unsigned char *in, size_t n, unsigned char *out,
               struct ws_piece *piece);
