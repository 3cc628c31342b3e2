/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

struct arena;
struct container;
struct jw;

void view_write_mounts(const struct container *c, struct jw *w);
void view_write_networks(const struct container *c, struct jw *w, int api_version);
