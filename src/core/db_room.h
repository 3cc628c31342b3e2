/* SPDX-License-Identifier: Apache-2.0 */
/* Room on the disk for a durable state file: see db_room.c. Writer thread and start-up. */
#pragma once

#include <stdbool.h>

struct db_room;
/* Of a file that is open. Never fails: a file system may have nothing to set aside. */
struct db_room *db_room_create(const char *path);
void db_room_destroy(struct db_room *r); /* after SQLite has closed the file; accepts NULL */
/* So little is left that no new document is begun. A look at the file system (1 µs). */
bool db_room_is_short(const struct db_room *r);
/* Both files have room for what may be written until the next call. Cheap when they have. */
void db_room_keep(struct db_room *r);
/* Gives the ballast up; false when there is none. */
bool db_room_give(struct db_room *r);
/* Makes it again when there is room. Whether it is there. */
bool db_room_renew(struct db_room *r);
/* Whether it is the file system that lets nobody write: SQLite only knows that it could not. */
bool db_room_is_readonly(const struct db_room *r);
