/* SPDX-License-Identifier: Apache-2.0 */
/* An exit that could not be written down: see unsaved.c. Loop thread. */
#pragma once

struct container;

void unsaved_keep(struct container *c, int pid); /* tried again until it is written */
void unsaved_drop(struct container *c); /* the document is gone: nothing is to be written */
