/* SPDX-License-Identifier: Apache-2.0 */
/* One record of a json-file log: to bytes and back. Pure; see log_record.c. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RECORD_PIECE (16u << 10) /* longest piece of a line in one record, as Docker cuts them */

struct log_piece { /* what is written: a line or a part of one */
    int stream;
    const char *text;
    size_t n;
    bool ends_line;   /* a newline follows the text */
    const char *time; /* RFC3339Nano */
    int64_t time_ns;  /* the same; 0: only the text is known */
};
/* Room that log_record_write may need. */
size_t log_record_room(const struct log_piece *p, size_t attrs_n);
/* attrs: a JSON object or NULL. Returns the bytes written, the newline included. */
size_t log_record_write(char *out, const struct log_piece *p, const char *attrs, size_t attrs_n);
/* `s` as the inside of a JSON string, as Docker's json-file escapes it; out: room for 6 * n. */
size_t log_record_escape(char *out, const char *s, size_t n);

struct log_record {  /* views into the line that was parsed */
    const char *log; /* still escaped */
    size_t log_n;
    int stream;
    const char *time;
    size_t time_n;
    const char *attrs; /* NULL: none */
    size_t attrs_n;
    int64_t time_ns; /* these two: of the driver local, which has no text for them */
    bool ends_line;
};
/* One line without its newline. Keys in any order, unknown ones are skipped. Leading NULs and the
 * torn beginning of an earlier record are skipped. False: there is no record in it. */
bool log_record_parse(const char *p, size_t n, struct log_record *out);
/* The unescaped text; out: room for r->log_n. */
size_t log_record_text(const struct log_record *r, char *out);
bool log_record_ends_line(const struct log_record *r);
bool log_record_time(const struct log_record *r, int64_t *out_ns);
/* Nine fraction digits and UTC; out: room for RFC3339_MAX. 0: the time cannot be read. */
size_t log_record_time_fixed(const struct log_record *r, char *out);
