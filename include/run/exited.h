/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a run: see exited.c. Loop thread. */
#pragma once

struct container;

void container_work_off_exit(struct container *c); /* when one has arrived and nothing hinders */
