/* SPDX-License-Identifier: Apache-2.0 */
/* Whose ids a container has: HostConfig.UsernsMode and the engine's --userns-remap. */
#pragma once

#include "base/id_map.h"
#include "runtime/config.h"

struct container;
struct doc;
struct parts;

/* What cannot be had in a user namespace, in Docker's words. Pure. */
struct err *ids_check(const struct parts *p, const struct host_config *h) must_check;
/* Of binds that are written to with the owners that the host has. Pure. */
void ids_warn(struct arena *a, const struct container *c, struct strs *warnings);
/* Loop. At create: --userns auto takes a range, which goes back with the object. */
struct err *ids_claim(struct container *c) must_check;
/* Loop. A container of the engine before keeps its range. */
void ids_load(struct container *c);
/* Loop. For the start that is about to be: the document says which ids it will have. */
struct err *ids_settle(struct container *c) must_check;
void ids_give_back(struct container *c);
/* Of the document; NULL: the host's. */
struct err *ids_of(struct arena *a, const struct doc *d, const struct id_map **out) must_check;
bool ids_are_same(const struct doc *a, const struct doc *b);
