/* SPDX-License-Identifier: Apache-2.0 */
/* What events.c (history, subscribers) and events_file.c (the history on disk) share. */
#pragma once

#include "core/events.h"

struct events_file;

/* An event of an engine before: with its number and time, and nobody is told. */
void events_restore(struct events *ev, const struct event *e);
void events_begin_at(struct events *ev, uint64_t last_seq);

bool events_file_is_busy(const struct events_file *f);
void events_file_add(struct events_file *f, const struct event *e);
/* The numbers go on behind `last_seq`. Accepts NULL. */
void events_file_close(struct events_file *f, uint64_t last_seq);
void events_set_file(struct events *ev, struct events_file *f);
