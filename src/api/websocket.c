/* SPDX-License-Identifier: Apache-2.0 */
/* The codec of websocket.h. Pure; the mask is the client's and is undone while copying. */
#include "websocket.h"

#include "base/digest.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define KEY_BYTES 16
#define KEY_LENGTH 24
#define GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11" /* RFC 6455, 1.3 */

enum { FIN = 0x80, RSV = 0x70, OPCODE = 0x0f, MASKED = 0x80, LENGTH = 0x7f };
enum { LENGTH_16 = 126, LENGTH_64 = 127, MASK_BYTES = 4 };

/* ---- handshake ---- */

bool ws_key_is_valid(const char *key)
{
    autoarena struct arena *a = arena_create();
    char *bytes;
    size_t n;
    struct err *err;

    if (strlen(key) != KEY_LENGTH)
        return false;
    err = text_from_base64(a, key, &bytes, &n);
    if (err) {
        err_drop(err);
        return false;
    }
    return n == KEY_BYTES;
}

void ws_accept_of(const char *key, char out[WS_ACCEPT_SIZE])
{
    autoarena struct arena *a = arena_create();
    unsigned char hash[SHA1_BYTES];
    const char *text = arena_printf(a, "%s" GUID, key);

    sha1_of(text, strlen(text), hash);
    snprintf(out, WS_ACCEPT_SIZE, "%s", text_to_base64(a, hash, sizeof(hash), false));
}

bool ws_header_has(const char *value, const char *token)
{
    size_t n = strlen(token);

    while (value && *value) {
        size_t len;

        value += strspn(value, ", \t");
        len = strcspn(value, ", \t");
        if (len == n && !strncasecmp(value, token, n))
            return true;
        value += len;
    }
    return false;
}

/* ---- writing ---- */

static void put_big_endian(unsigned char *out, size_t n_bytes, uint64_t v)
{
    for (size_t i = n_bytes; i > 0; i--, v >>= 8)
        out[i - 1] = (unsigned char)v;
}

size_t ws_frame_header(unsigned char out[WS_HEADER_MAX], enum ws_opcode opcode, size_t n)
{
    out[0] = (unsigned char)(FIN | opcode);
    if (n < LENGTH_16) {
        out[1] = (unsigned char)n;
        return 2;
    }
    if (n <= UINT16_MAX) {
        out[1] = LENGTH_16;
        put_big_endian(out + 2, 2, n);
        return 4;
    }
    out[1] = LENGTH_64;
    put_big_endian(out + 2, 8, n);
    return 10;
}

/* ---- reading ---- */

static size_t length_bytes(const struct ws_reader *r)
{
    unsigned length = r->head[1] & LENGTH;

    return length == LENGTH_64 ? 8 : length == LENGTH_16 ? 2 : 0;
}

static bool is_control(unsigned opcode)
{
    return opcode >= WS_CLOSE;
}

/* RFC 6455, 5.2 to 5.5: no extensions were agreed, clients mask, control frames are short and
 * whole, and a continuation continues something. */
static bool may_begin(const struct ws_reader *r)
{
    unsigned opcode = r->head[0] & OPCODE;
    bool is_final = r->head[0] & FIN;

    if (r->head[0] & RSV || !(r->head[1] & MASKED))
        return false;
    if (is_control(opcode))
        return opcode <= WS_PONG && is_final && (r->head[1] & LENGTH) <= WS_CONTROL_MAX;
    return opcode <= WS_BINARY && (opcode == WS_CONTINUATION) == r->is_in_message;
}

/* False: not as short as can be, or beyond 63 bits. */
static bool read_length(struct ws_reader *r)
{
    size_t n = length_bytes(r);

    r->left = 0;
    for (size_t i = 0; i < n; i++)
        r->left = r->left << 8 | r->head[2 + i];
    if (n == 0)
        r->left = r->head[1] & LENGTH;
    if (n == 2)
        return r->left >= LENGTH_16;
    return n == 0 || (r->left > UINT16_MAX && r->left <= INT64_MAX);
}

/* How many bytes; *is_broken: the frame may not be. */
static size_t read_head(struct ws_reader *r, const unsigned char *in, size_t n, bool *is_broken)
{
    size_t used = 0;

    while (used < n) {
        ASSERT(r->n_head < sizeof(r->head));
        r->head[r->n_head++] = in[used++];
        if (r->n_head < 2)
            continue;
        if (r->n_head == 2 && !may_begin(r)) {
            *is_broken = true;
            return used;
        }
        if (r->n_head < 2 + length_bytes(r) + MASK_BYTES)
            continue;
        *is_broken = !read_length(r);
        r->is_in_payload = true;
        r->opcode = r->head[0] & OPCODE;
        r->at = r->n_control = 0;
        if (!is_control(r->opcode))
            r->is_in_message = !(r->head[0] & FIN);
        break;
    }
    return used;
}

/* RFC 6455, 5.3. The mask goes on where the last piece of the payload ended. */
static void unmask(struct ws_reader *r, const unsigned char *in, size_t n, unsigned char *out)
{
    const unsigned char *mask = r->head + 2 + length_bytes(r);

    for (size_t i = 0; i < n; i++)
        out[i] = in[i] ^ mask[(r->at + i) % MASK_BYTES];
    r->at = (r->at + n) % MASK_BYTES;
}

/* RFC 6455, 7.4: what may be said on the wire. */
static bool is_close_code(unsigned code)
{
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
           (code >= 3000 && code <= 4999);
}

static void end_control(struct ws_reader *r, struct ws_piece *piece)
{
    if (r->opcode == WS_PING) {
        *piece = (struct ws_piece){WS_PINGED, r->n_control, 0};
        return;
    }
    if (r->opcode != WS_CLOSE)
        return;
    piece->event = WS_CLOSED;
    piece->code =
        r->n_control >= 2 ? (unsigned)(r->control[0] << 8 | r->control[1]) : (unsigned)WS_NO_CODE;
    if (r->n_control == 1 || (r->n_control >= 2 && !is_close_code(piece->code)))
        piece->event = WS_BROKEN;
    r->is_over = true;
}

static size_t read_payload(struct ws_reader *r, const unsigned char *in, size_t n,
                           unsigned char *out, struct ws_piece *piece)
{
    size_t take = n < r->left ? n : (size_t)r->left;

    if (is_control(r->opcode)) {
        ASSERT(r->n_control + take <= sizeof(r->control)); /* may_begin bounds it */
        unmask(r, in, take, r->control + r->n_control);
        r->n_control += take;
    } else if (take) {
        unmask(r, in, take, out);
        *piece = (struct ws_piece){WS_DATA, take, 0};
    }
    r->left -= take;
    if (r->left)
        return take;
    r->is_in_payload = false;
    r->n_head = 0;
    if (is_control(r->opcode))
        end_control(r, piece);
    return take;
}

size_t ws_read(struct ws_reader *r, const unsigned char *in, size_t n, unsigned char *out,
               struct ws_piece *piece)
{
    size_t used = 0;
    bool is_broken = false;

    *piece = (struct ws_piece){WS_MORE, 0, 0};
    while (!r->is_over && piece->event == WS_MORE && (used < n || r->is_in_payload)) {
        if (!r->is_in_payload)
            used += read_head(r, in + used, n - used, &is_broken);
        if (is_broken) {
            r->is_over = true;
            *piece = (struct ws_piece){WS_BROKEN, 0, WS_PROTOCOL_ERROR};
            return used;
        }
        if (r->is_in_payload && (used < n || !r->left))
            used += read_payload(r, in + used, n - used, out, piece);
        else if (r->is_in_payload)
            break;
    }
    if (r->is_over && piece->event == WS_MORE) {
        piece->event = WS_BROKEN;
        return n;
    }
    if (piece->event == WS_BROKEN)
        piece->code = WS_PROTOCOL_ERROR;
    return used;
}
