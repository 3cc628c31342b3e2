/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DATA_ROOT/quarantine: what is there and no document knows. It is moved by rename, said in the
 * log, shown by `system df`, brought back by `berthd --recover`, and removed by nobody but the
 * operator. What a crashed operation leaves behind does not come here: it is known by its name,
 * its place, or the evidence of the database (core/db.h). Start-up, blocking.
 *
 *   quarantine/KIND-ID/      a folder        quarantine/KIND-ID.json    a document
 */
#pragma once

#include "base/err.h"

#include <stddef.h>

#define QUARANTINE_NAME "quarantine"

struct quarantine;
/* Nothing is made before something is put there. Beside db_path. */
struct quarantine *quarantine_create(const char *db_path);
void quarantine_destroy(struct quarantine *q); /* accepts NULL */
/* Moves dir/name, a folder or the copy of a document; what cannot be moved stays. Logs either
 * way. */
void quarantine_put(struct quarantine *q, int dir, const char *name, const char *kind,
                    const char *id);
/* Keeps the text of a document. */
void quarantine_document(struct quarantine *q, const char *kind, const char *id, const char *json,
                         const char *why);
