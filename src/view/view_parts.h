/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

struct arena;
struct container;
struct jw;

void view_write_mounts(const struct container *c, struct jw *w);
void view_write_networks(const struct container *c, struct jw *w);
/* "Up 5 minutes (Paused)", "Exited (0) 3 seconds ago", … */
char *view_status_text(struct arena *a, const struct container *c);
