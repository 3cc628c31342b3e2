/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How records stand in a log file, for the writer and the readers alike. A record ends
 * with a byte that occurs nowhere inside one, so that a place in the middle of a file,
 * a torn tail and a binary search all find their way by looking for that byte.
 */
#pragma once

#include "log_record.h"

struct log_format {
    char end;
    size_t (*room)(const struct log_piece *p, size_t attrs_n);
    size_t (*write)(char *out, const struct log_piece *p, const char *attrs, size_t attrs_n);
    /* One record without its end byte. */
    bool (*parse)(const char *p, size_t n, struct log_record *out);
    size_t (*text)(const struct log_record *r, char *out);
    bool (*ends_line)(const struct log_record *r);
    bool (*time)(const struct log_record *r, int64_t *out_ns);
    size_t (*time_fixed)(const struct log_record *r, char *out);
};
extern const struct log_format format_json, format_local;

/* CRC-32C (Castagnoli); crc: of what came before, 0 at first. */
uint32_t crc32c(uint32_t crc, const void *p, size_t n);
