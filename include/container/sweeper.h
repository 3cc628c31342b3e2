/* SPDX-License-Identifier: Apache-2.0 */
/* Empties the trash of removed containers in the background. Loop thread. */
#pragma once

struct parts;
struct sweeper;

struct sweeper *sweeper_create(struct parts *p);
void sweeper_ask(struct sweeper *s);     /* something was thrown away */
void sweeper_destroy(struct sweeper *s); /* a sweep that runs frees it at its end */
