/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A record of the driver `local`: { length of the text, CRC-32C of what follows, time in
 * ns, stream, flags, text }, little endian, then the byte 0xFF. Inside, 0xFF is written
 * FE 01 and 0xFE is written FE 00: nothing a container prints can look like the end of a
 * record, so readers may begin anywhere. Pure.
 */
#include "format.h"

#include <endian.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "stream/log.h"

#define END ((char)0xFF)
#define STUFF ((char)0xFE)
#define FLAG_LINE 1 /* a newline follows the text */

struct local_head {
    uint32_t length, crc;
    int64_t time_ns;
    uint8_t stream, flags;
} __attribute__((packed));
#define CRC_FROM offsetof(struct local_head, time_ns)

/* The first special byte; text has almost never one, so it goes by words. */
static const char *find_special(const char *p, const char *end)
{
    uint64_t word;

    for (; end - p >= 8; p += 8) {
        memcpy(&word, p, 8);
        word = ~word & 0xFEFEFEFEFEFEFEFEu; /* a byte is zero when its upper seven bits are set */
        if ((word - 0x0101010101010101u) & ~word & 0x8080808080808080u)
            break;
    }
    while (p < end && (unsigned char)*p < 0xFE)
        p++;
    return p;
}

static char *stuff(char *out, const char *p, size_t n)
{
    const char *end = p + n;

    while (p < end) {
        const char *special = find_special(p, end);

        memcpy(out, p, (size_t)(special - p));
        out += special - p;
        p = special;
        if (p == end)
            break;
        *out++ = STUFF;
        *out++ = *p++ == END ? 1 : 0;
    }
    return out;
}

/* Takes stuffed bytes from *p until `room` are out. Returns their number. */
static size_t unstuff(const char **p, const char *end, char *out, size_t room)
{
    size_t n = 0;

    while (n < room && *p < end) {
        const char *stop = (size_t)(end - *p) > room - n ? *p + (room - n) : end;
        const char *special = memchr(*p, STUFF, (size_t)(stop - *p));
        size_t plain = (size_t)((special ? special : stop) - *p);

        memcpy(out + n, *p, plain);
        n += plain;
        *p += plain;
        if (!special)
            continue;
        if (special + 1 == end || (unsigned char)special[1] > 1)
            break;
        out[n++] = special[1] == 1 ? END : STUFF;
        *p += 2;
    }
    return n;
}

static size_t local_room(const struct log_piece *p, size_t attrs_n)
{
    (void)attrs_n;
    return 2 * (sizeof(struct local_head) + p->n) + 1;
}

static size_t local_write(char *out, const struct log_piece *p, const char *attrs, size_t attrs_n)
{
    struct local_head h = {.length = htole32((uint32_t)p->n), .stream = (uint8_t)p->stream};
    int64_t ns = p->time_ns;
    char *at;

    (void)attrs;
    (void)attrs_n;
    if (!ns)
        clock_from_rfc3339(p->time, &ns);
    h.time_ns = (int64_t)htole64((uint64_t)ns);
    h.flags = p->ends_line ? FLAG_LINE : 0;
    h.crc = crc32c(0, (char *)&h + CRC_FROM, sizeof(h) - CRC_FROM);
    h.crc = htole32(crc32c(h.crc, p->text, p->n));
    at = stuff(out, (char *)&h, sizeof(h));
    at = stuff(at, p->text, p->n);
    *at++ = END;
    return (size_t)(at - out);
}

/* The CRC of the text in its stuffed form; *out_n: its length when it is not. */
static uint32_t text_crc(uint32_t crc, const char *p, const char *end, size_t *out_n)
{
    char space[1024];
    size_t n;

    *out_n = 0;
    if (!memchr(p, STUFF, (size_t)(end - p))) {
        *out_n = (size_t)(end - p);
        return crc32c(crc, p, *out_n);
    }
    while ((n = unstuff(&p, end, space, sizeof(space)))) {
        crc = crc32c(crc, space, n);
        *out_n += n;
    }
    return crc;
}

static bool parse_at(const char *p, const char *end, struct log_record *out)
{
    struct local_head h;
    size_t text_n;
    uint32_t crc;

    if (unstuff(&p, end, (char *)&h, sizeof(h)) != sizeof(h))
        return false;
    crc = crc32c(0, (char *)&h + CRC_FROM, sizeof(h) - CRC_FROM);
    if (text_crc(crc, p, end, &text_n) != le32toh(h.crc) || text_n != le32toh(h.length))
        return false;
    *out = (struct log_record){
        .log = p,
        .log_n = (size_t)(end - p),
        .stream = h.stream == STREAM_STDERR ? STREAM_STDERR : STREAM_STDOUT,
        .time_ns = (int64_t)le64toh((uint64_t)h.time_ns),
        .ends_line = h.flags & FLAG_LINE,
    };
    return true;
}

/* In front of it may be a hole of zeros (power cut); the length may begin with some, too. */
static bool local_parse(const char *p, size_t n, struct log_record *out)
{
    const char *end = p + n, *at = p;

    if (parse_at(p, end, out))
        return true;
    while (at < end && !*at)
        at++;
    for (int i = 0; i <= 4 && at - i > p; i++) {
        if (parse_at(at - i, end, out))
            return true;
    }
    return false;
}

/* The newline that is not in the text comes back: the file does not hold it. */
static size_t local_text(const struct log_record *r, char *out)
{
    const char *p = r->log;
    size_t n = unstuff(&p, r->log + r->log_n, out, r->log_n);

    if (r->ends_line)
        out[n++] = '\n';
    return n;
}

static bool local_ends_line(const struct log_record *r)
{
    return r->ends_line;
}

static bool local_time(const struct log_record *r, int64_t *out_ns)
{
    *out_ns = r->time_ns;
    return true;
}

static size_t local_time_fixed(const struct log_record *r, char *out)
{
    char text[RFC3339_MAX];
    size_t n;

    clock_rfc3339_fixed(r->time_ns, text);
    n = strlen(text);
    memcpy(out, text, n);
    return n;
}

const struct log_format format_local = {
    .end = END,
    .room = local_room,
    .write = local_write,
    .parse = local_parse,
    .text = local_text,
    .ends_line = local_ends_line,
    .time = local_time,
    .time_fixed = local_time_fixed,
};
