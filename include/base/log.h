/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Structured log on stderr: constant message, facts as keys. Any thread.
 * Its level is a global, one of the few: see docs/CONVENTIONS.md.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

struct log_kv {
    const char *key;
    const char *text; /* NULL: use number */
    int64_t number;
};

void log_set_level(enum log_level level);
bool log_level_from_text(const char *s, enum log_level *out); /* debug info warn error fatal */
bool log_is_on(enum log_level level);
/* Start-up, before there are threads. JSON: one object a line, as dockerd's. */
void log_set_json(bool is_json);
/* Where stderr is systemd's journal (JOURNAL_STREAM), each line begins with its priority, "<6>",
 * which the journal takes off and keeps (sd-daemon(3)). */
void log_find_journal(void);
void log_write(enum log_level level, const char *msg, const struct log_kv *kv);

#define KV(k, v)                                                                                   \
    {                                                                                              \
        .key = (k), .text = (v) ? (v) : ""                                                         \
    }
#define KV_INT(k, v)                                                                               \
    {                                                                                              \
        .key = (k), .number = (v)                                                                  \
    }
#define LOG_(level, msg, ...)                                                                      \
    do {                                                                                           \
        if (log_is_on(level))                                                                      \
            log_write(level, msg, (const struct log_kv[]){__VA_ARGS__ __VA_OPT__(, ){0}});         \
    } while (0)
#define log_error(msg, ...) LOG_(LOG_LEVEL_ERROR, msg, __VA_ARGS__)
#define log_warn(msg, ...) LOG_(LOG_LEVEL_WARN, msg, __VA_ARGS__)
#define log_info(msg, ...) LOG_(LOG_LEVEL_INFO, msg, __VA_ARGS__)
#define log_debug(msg, ...) LOG_(LOG_LEVEL_DEBUG, msg, __VA_ARGS__)
